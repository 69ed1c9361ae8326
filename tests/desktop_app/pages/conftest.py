"""A small demo that is scanned, described and clustered once for all tests of pages."""

from pathlib import Path

import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.pipeline.stages import prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.service.dataset_requests import ScanDataset
from coreset_studio.core.settings import ClusterSettings, FeatureSettings, Settings
from coreset_studio.desktop_app.pages.page import PageContext

DEMO_SETTINGS = Settings(features=FeatureSettings(extractors=("colour-texture",)), clusters=ClusterSettings(k_max=4))


@pytest.fixture(scope="session")
def demo_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The demo with everything up to the clusters in its cache."""
    place = tmp_path_factory.mktemp("pages")
    make_demo(place / "demo", n_images=150, side=64)
    study = Study(place / "demo", DEMO_SETTINGS, place / "cache")
    prepare(study)
    return study


def _open_demo(context: PageContext, study: Study) -> None:
    model = context.model
    model.start(Path(study.source))
    for section in ("features", "clusters"):
        model.put_settings(section, getattr(study.settings, section))
    summary = ScanDataset(study).run(NO_PROGRESS)
    model.store_result(
        "dataset", model.key("dataset"), {"images": len(summary.dataset.images)}, summary, content=summary.identity
    )
    model.store_result("features", model.key("features"), {"images": len(summary.dataset.images)}, "features")


@pytest.fixture
def described_context(page_context: PageContext, demo_study: Study, monkeypatch: pytest.MonkeyPatch) -> PageContext:
    """A page's context with the demo open, scanned and described, not yet clustered."""
    monkeypatch.setenv("CORESET_CACHE", str(demo_study.cache_folder))
    _open_demo(page_context, demo_study)
    return page_context


@pytest.fixture
def clustered_context(described_context: PageContext) -> PageContext:
    """The same, with its clusters known."""
    model = described_context.model
    model.store_result("clusters", model.key("clusters"), {"seconds": 1.0}, 1.0)
    return described_context


@pytest.fixture
def real_context(process_context: PageContext, demo_study: Study, monkeypatch: pytest.MonkeyPatch) -> PageContext:
    """The demo with its clusters known, and real engine processes."""
    monkeypatch.setenv("CORESET_CACHE", str(demo_study.cache_folder))
    _open_demo(process_context, demo_study)
    model = process_context.model
    model.store_result("clusters", model.key("clusters"), {"seconds": 1.0}, 1.0)
    return process_context
