"""What every test may use; nothing here opens a window."""

import os
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

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
def metric_plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Install a metric as a plugin does: ``metric_plugin(code, name="kappa", title="Kappa", ...)``."""
    from core.descriptions import resolve
    from core.training.metric import Metric
    from core.training.metrics import METRICS

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
