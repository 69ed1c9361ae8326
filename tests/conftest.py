"""What every test may use; nothing here opens a window."""

import os
from pathlib import Path

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
