"""What every test may use; nothing here opens a window."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.descriptions import Registry, resolve

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own cache, data and preferences out of every test."""
    place = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("CORESET_CACHE", str(place / "cache"))
    monkeypatch.setenv("CORESET_DATA", str(place / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "config"))


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The real images and weights that travel beside the repository; skips where they are absent."""
    named = os.environ.get("CORESET_SHARED")
    place = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    if not (place / "data" / "pbc_sample").is_dir():
        pytest.skip("the real images beside the repository are not here")
    return place


@pytest.fixture
def install_plugin(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Registry[Any], str, Mapping[str, str], Mapping[str, str]], None]]:
    """Install a package, version 1.2, that registers descriptions, for one test.

    Called with the registry, the package's name, its modules as texts by file name, and its entry points by name.
    """
    installed: list[tuple[Registry[Any], str]] = []

    def install(registry: Registry[Any], name: str, modules: Mapping[str, str], entries: Mapping[str, str]) -> None:
        place = tmp_path_factory.mktemp("site")
        facts = place / f"{name}-1.2.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = [f"[{registry.group}]", *(f"{entry} = {value}" for entry, value in entries.items())]
        (facts / "entry_points.txt").write_text("\n".join(lines) + "\n")
        (place / name).mkdir()
        for file, text in modules.items():
            (place / name / file).write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(place)
        installed.append((registry, name))
        registry.reload()

    yield install
    monkeypatch.undo()
    for registry, name in installed:
        registry.reload()
        for module in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
            del sys.modules[module]
    importlib.invalidate_caches()
    resolve.cache_clear()


@pytest.fixture
def plugin_networks(install_plugin: Callable[..., None]) -> str:
    """Install the networks of a package, and return its name and version."""
    from core.training.architectures import NETWORKS

    place = Path(__file__).parent / "core" / "samples" / "coreset_networks"
    modules = {file.name: file.read_text(encoding="utf-8") for file in place.glob("*.py")}
    entries = {name: f"coreset_networks:{name}" for name in ("NEAREST", "TINY", "BROKEN")}
    install_plugin(NETWORKS, "coreset_networks", modules, entries)
    return "coreset_networks 1.2"
