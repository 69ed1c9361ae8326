"""What each system installs is pinned, in a version that has a wheel there."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def check_pins() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_pins", ROOT / "packaging" / "check_pins.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_pins"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_each_system_has_pins_of_its_own(check_pins: ModuleType) -> None:
    """TensorFlow is another package on Linux, and PyInstaller requires other packages on each system."""
    of_one = {"tensorflow-cpu", "atheris"}
    for system in check_pins.SYSTEMS:
        pinned = check_pins.pins(check_pins.environment(system, "3.12"))
        assert {"tensorflow", "pefile", "pywin32-ctypes", "macholib", "setuptools", "wheel"} <= set(pinned)
        assert of_one & set(pinned) == (of_one if system.name.startswith("Linux") else set())


def test_one_version_of_tensorflow_is_installed_on_all_systems(check_pins: ModuleType) -> None:
    pinned = check_pins.pins(check_pins.environment(check_pins.SYSTEMS[2], "3.12"))
    assert pinned["tensorflow"] == pinned["tensorflow-cpu"]


def test_what_is_installed_without_a_pin_is_found(check_pins: ModuleType) -> None:
    """Through other packages, their extras, and only where a marker says so."""
    requirements = {
        "one": ["two[fast]>=1", "never; sys_platform == 'linux'"],
        "two": ["three; extra == 'fast'", "four; extra == 'slow'"],
        "three": ["one", "Five_Six; sys_platform == 'win32'"],
    }
    facts = check_pins.environment(check_pins.SYSTEMS[0], "3.11")
    assert check_pins.unpinned(requirements, ["one"], facts) == ["five-six"]


def test_the_oldest_system_is_that_of_the_wheel_that_needs_the_newest(check_pins: ModuleType) -> None:
    wheels = [
        "six-1.17.0-py2.py3-none-any.whl",
        "numpy-2.4.6-cp312-cp312-macosx_14_0_arm64.whl",
        "wrapt-2.5.2-cp312-cp312-macosx_10_9_universal2.whl",
    ]
    assert check_pins.oldest_system(wheels) == "macOS 14.0"
    several = "h5py-3.14.0-cp312-cp312-manylinux_2_17_x86_64.manylinux_2_34_x86_64.whl"
    assert check_pins.oldest_system([several, "x-1-py3-none-manylinux2014_x86_64.whl"]) == "glibc 2.17"
    assert check_pins.oldest_system(["numpy-2.4.6-cp312-cp312-win_amd64.whl"]) == ""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("system", "python"), [(0, "3.11"), (1, "3.13")])
def test_every_pin_has_a_wheel(check_pins: ModuleType, system: int, python: str) -> None:
    """Of two targets; `python packaging/check_pins.py` checks all."""
    try:
        row = check_pins.check(check_pins.SYSTEMS[system], python)
    except RuntimeError as error:
        pytest.skip(f"no package index: {str(error)[-300:]}")
    assert row["pins"] > 90
    assert row["no wheel"] == row["not pinned"] == []
    assert row["requires"] in check_pins.STATED
