"""What every test may use; nothing here opens a window."""

import functools
import importlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from coreset_studio.core.descriptions import Registry, all_kinds, registry, resolve
from coreset_studio.core.threads import VARIABLES, limit_threads
from tests.links import pytest_runtest_call, pytest_runtest_setup
from tests.windows_rules import _windows_rules_on_request, windows_rules

__all__ = ["_windows_rules_on_request", "pytest_runtest_call", "pytest_runtest_setup", "windows_rules"]

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("MPLBACKEND", "agg")
# What tests compute is small: threads that wait for each other there took four fifths of the processor's time.
if not any(variable in os.environ for variable in VARIABLES):
    limit_threads(1)

# How long one example takes depends on the machine and what else it does; `timeout` in pyproject.toml ends what hangs.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

FAST = (
    "core/data/sources", "core/data/test_folds.py", "core/data/test_levels.py", "core/data/test_split.py",
    "core/descriptions", "core/output/test_names.py", "core/output/test_tables.py", "core/selection",
    "core/test_estimate.py", "core/test_forms.py", "core/test_memory.py", "core/test_neighbours.py",
    "core/test_palette.py", "core/test_progress.py", "core/test_project.py", "core/test_reading.py",
    "core/test_recipes.py", "core/test_reference.py", "core/test_settings.py", "core/test_settings_stored.py",
    "core/test_words.py", "core/training/test_answer.py", "core/training/test_comparison.py",
    "core/training/test_evaluation.py", "core/training/test_metrics.py",
)  # fmt: skip
"""Where logic alone is tested: no window, no engine process, no TensorFlow. What is marked as slow is not fast."""


@functools.cache
def _is_fast(place: Path) -> bool:
    tests = Path(__file__).parent
    return any(place.is_relative_to(tests / fast) or (tests / fast).is_relative_to(place) for fast in FAST)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no other test where the fast ones alone are asked for: importing all takes longer than running these."""
    return True if config.getoption("markexpr") == "fast" and not _is_fast(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the fast tests."""
    for item in items:
        if _is_fast(item.path) and item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.fast)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own cache, data and preferences out of every test."""
    place = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("CORESET_CACHE", str(place / "cache"))
    monkeypatch.setenv("CORESET_DATA", str(place / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "config"))


@pytest.fixture(scope="session", autouse=True)
def _no_second_modules() -> Iterator[None]:
    """An import by the name of a folder works in the checkout, as a second module, and fails in the wheel."""
    yield
    assert [name for name in sys.modules if name.split(".")[0] in ("core", "desktop_app", "resources")] == []


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The real images and weights that travel beside the repository; skips where they are absent."""
    named = os.environ.get("CORESET_SHARED")
    place = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    if not (place / "data" / "pbc_sample").is_dir():
        pytest.skip("the real images beside the repository are not here")
    return place


EXAMPLE = Path(__file__).resolve().parents[1] / "docs" / "plugin_example"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the documentation's example of a plugin is installed into by pip, without an index."""
    place = tmp_path_factory.mktemp("example")
    copy = shutil.copytree(EXAMPLE, place / "source")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    environment = {key: value for key, value in os.environ.items() if key != "PIP_FIND_LINKS"}
    done = subprocess.run(
        [*command, "--target", str(place / "site"), str(copy)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return place / "site"


@pytest.fixture
def example_plugin(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example, installed for one test in this process and in those that it starts."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), *sys.path]))
    for known in all_kinds().values():
        known.reload()
    yield
    monkeypatch.undo()
    for module in [each for each in sys.modules if each.partition(".")[0] == "coreset_example"]:
        del sys.modules[module]
    importlib.invalidate_caches()
    resolve.cache_clear()
    for known in all_kinds().values():
        known.reload()


@pytest.fixture
def install_plugin(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Registry[Any], str, Mapping[str, str], Mapping[str, str]], None]]:
    """Install a package, version 1.2, that registers descriptions, for one test.

    Called with the registry, the package's name, its modules as texts by file name, and its entry points by name.
    """
    installed: list[tuple[Registry[Any], str]] = []

    def install(known: Registry[Any], name: str, modules: Mapping[str, str], entries: Mapping[str, str]) -> None:
        place = tmp_path_factory.mktemp("site")
        facts = place / f"{name}-1.2.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = [f"[{known.group}]", *(f"{entry} = {value}" for entry, value in entries.items())]
        (facts / "entry_points.txt").write_text("\n".join(lines) + "\n")
        (place / name).mkdir()
        for file, text in modules.items():
            (place / name / file).write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(place)
        installed.append((known, name))
        known.reload()

    yield install
    monkeypatch.undo()
    for known, name in installed:
        known.reload()
        for module in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
            del sys.modules[module]
    importlib.invalidate_caches()
    resolve.cache_clear()


_PLUGIN_NUMBERS = itertools.count(1)


@pytest.fixture
def install_plugin_module(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], ModuleType]]:
    """Install a module of `tests/plugins` for this test as a package: `install_plugin_module("source", "shelf")`.

    It registers its DESCRIPTION through an entry point, as any plugin does. Returns the module.
    """
    kinds = []

    def install(kind: str, name: str) -> ModuleType:
        place = tmp_path_factory.mktemp("plugin")
        module = f"{name}_{next(_PLUGIN_NUMBERS)}"
        code = Path(__file__).parent / "plugins" / f"{name}.py"
        (place / f"{module}.py").write_text(code.read_text(encoding="utf-8"), encoding="utf-8")
        facts = place / f"{module}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[{registry(kind).group}]\n{name} = {module}:DESCRIPTION\n")
        monkeypatch.syspath_prepend(place)
        registry(kind).reload()
        kinds.append(kind)
        return importlib.import_module(module)

    yield install
    for kind in kinds:
        registry(kind).reload()


@pytest.fixture
def metric_plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Install a metric as a plugin does: ``metric_plugin(code, name="kappa", title="Kappa", ...)``."""
    from coreset_studio.core.descriptions import resolve
    from coreset_studio.core.training.metric import Metric
    from coreset_studio.core.training.metrics import METRICS

    module, entries, found = ModuleType("coreset_test_plugin"), [], metadata.entry_points
    dist = SimpleNamespace(name="coreset-test-plugin", version="1.2")

    def entry_points(**which: str) -> Any:
        return entries if which == {"group": METRICS.group} else found(**which)

    def install(code: Callable[..., Any], **facts: Any) -> None:
        attribute = facts["name"].replace("-", "_")
        setattr(module, attribute, code)
        made = Metric(**{"tip": "Made for a test.", "does": f"{module.__name__}:{attribute}"} | facts)
        entry = SimpleNamespace(name=made.name, value=made.does, dist=dist, load=lambda: made)
        entries.append(entry)
        METRICS.reload()

    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(metadata, "entry_points", entry_points)
    resolve.cache_clear()
    yield install
    monkeypatch.undo()
    METRICS.reload()
    resolve.cache_clear()


@pytest.fixture
def plugin_networks(install_plugin: Callable[..., None]) -> str:
    """Install the networks of a package, and return its name and version."""
    from coreset_studio.core.training.architectures import NETWORKS

    place = Path(__file__).parent / "core" / "samples" / "coreset_networks"
    modules = {file.name: file.read_text(encoding="utf-8") for file in place.glob("*.py")}
    entries = {name: f"coreset_networks:{name}" for name in ("NEAREST", "TINY", "BROKEN")}
    install_plugin(NETWORKS, "coreset_networks", modules, entries)
    return "coreset_networks 1.2"
