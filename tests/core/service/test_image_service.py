"""The image service: pixels before any features, similar images before any clusters."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import SelectionError
from coreset_studio.core.pipeline.stages import prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.service.image_requests import DecodeImage, FindSimilar, OpenImageService
from coreset_studio.core.service.selection_service import SelectionService
from coreset_studio.core.settings import FeatureSettings, Settings


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    place = tmp_path_factory.mktemp("images")
    make_demo(place / "demo", n_images=60, side=48)
    return Study(place / "demo", Settings(features=FeatureSettings(extractors=("colour-texture",))), place / "cache")


def _features_stored(cache: Path) -> bool:
    return any("features" in file.name or "features" in file.parent.name for file in cache.rglob("*") if file.is_file())


def test_pixels_are_shown_before_any_features(study: Study) -> None:
    service = OpenImageService.of(study, "these", with_features=False).run(NO_PROGRESS)
    assert not _features_stored(study.cache_folder)
    decoded = DecodeImage(3).run(service, NO_PROGRESS)
    with Image.open(study.source / service.dataset.images[3].path) as opened:
        expected = np.asarray(opened.convert("RGB"))
    shown = np.frombuffer(decoded.rgb, dtype=np.uint8).reshape(decoded.height, decoded.width, 3)
    assert np.array_equal(shown, expected)
    with pytest.raises(SelectionError, match=r"^Finding similar images requires features\. Extract them first\.$"):
        FindSimilar((3,), 5).run(service, NO_PROGRESS)


def test_similar_images_are_those_of_the_selection_service(study: Study) -> None:
    prepare(study, until="reduction")
    service = OpenImageService.of(study, "these", with_features=True).run(NO_PROGRESS)
    request = FindSimilar((2, 7), 9)
    assert request.run(service, NO_PROGRESS) == request.run(SelectionService(study), NO_PROGRESS)


def test_settings_of_later_stages_open_no_other_service(study: Study) -> None:
    changed = Study(study.source, Settings(), study.cache_folder)
    assert OpenImageService.of(study, "a", with_features=False) == OpenImageService.of(
        changed, "a", with_features=False
    )
    assert OpenImageService.of(study, "a", with_features=True) != OpenImageService.of(changed, "a", with_features=True)
