"""What is said of the device before TensorFlow is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from coreset_studio.core.threads import n_processors
from coreset_studio.core.training import device
from coreset_studio.core.training.device import expected_device


def test_without_a_driver_processors_compute(tmp_path: Path) -> None:
    words = expected_device(tmp_path / "no driver")
    assert words == (f"{n_processors()} processor cores" if n_processors() > 1 else "this machine's processor")


@pytest.mark.parametrize(("build", "gpu"), [("tensorflow-cpu", False), ("tensorflow", True)])
def test_a_driver_counts_only_for_the_build_that_can_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: str, gpu: bool
) -> None:
    driver = tmp_path / "version"
    driver.touch()
    monkeypatch.setattr(device, "_installed", lambda name: name == build)
    assert ("GPU" in expected_device(driver)) == gpu


def test_a_distribution_that_is_not_there_is_no_error() -> None:
    assert not device._installed("no-such-distribution-of-ours")
    assert device._installed("numpy")


def test_it_is_told_without_loading_tensorflow() -> None:
    code = "import sys; from coreset_studio.core.training import device; device.expected_device(); "
    code += "print('tensorflow' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
