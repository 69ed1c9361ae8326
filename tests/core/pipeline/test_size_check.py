"""Checking a size by training once: what is compared, and the three ways it can end."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import TrainingError
from coreset_studio.core.pipeline.size_check import check_size, check_words
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.settings import ClusterSettings, DataSettings, FeatureSettings, SelectionSettings, Settings
from coreset_studio.core.training.equivalence import PairedLoss


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    place = tmp_path_factory.mktemp("check")
    make_demo(place / "demo", n_images=150, side=64)
    settings = Settings(
        data=DataSettings(validation_fraction=0.0),
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        selection=SelectionSettings(sampler="even-herding", images=7),
    )
    return Study(place / "demo", settings, place / "cache")


@pytest.mark.slow
def test_a_size_is_trained_once_beside_everything_on_the_same_test_images(study: Study) -> None:
    found = check_size(study, "head", 30, 0.3)
    assert found.n_images == 30
    assert found.loss.loss == pytest.approx(found.everything - found.accuracy)
    assert found.loss.low < found.loss.loss < found.loss.high
    assert found.is_within == (found.loss.low > -0.3 and found.loss.high < 0.3)
    assert (
        f"Checked on {found.loss.n_images} test images: the linear probe, trained once on 30 images" in found.sentence
    )
    half = stats.t.ppf(0.95, found.loss.n_groups - 1) * np.sqrt(found.loss.variance / found.loss.n_images)
    assert found.loss.high - found.loss.loss >= half - 1e-12


def test_as_many_images_as_the_pool_lose_nothing(study: Study) -> None:
    n_pool = check_size(study, "head", 10_000, 0.3).n_images
    found = check_size(study, "head", n_pool, 0.3)
    assert (found.n_images, found.loss.loss, found.accuracy) == (n_pool, 0, found.everything)


def test_without_test_images_it_is_refused(study: Study, tmp_path: Path) -> None:
    data = replace(study.settings.data, test_fraction=0.0)
    asked = replace(study, settings=replace(study.settings, data=data))
    with pytest.raises(TrainingError, match="There are no test images to check the size with"):
        check_size(asked, "head", 30, 0.02)


UNCONFIRMED = (
    "The size was not confirmed: the interval reaches beyond the margin of 2 points. If the loss is as measured, about "
    "860 test images would show it."
)


@pytest.mark.parametrize(
    ("loss", "low", "high", "says"),
    [
        (0.005, -0.002, 0.012, "90 % interval −0.2 to 1.2. The size held: equal within 2 points."),
        (0.05, 0.03, 0.07, "The size failed: more than 2 points are lost. Select more images."),
        (0.03, 0.01, 0.05, "The size failed: the loss is not inside the margin of 2 points. Select more images."),
        (0.0, -0.03, 0.03, UNCONFIRMED),
    ],
)
def test_how_a_check_ended_is_said(loss: float, low: float, high: float, says: str) -> None:
    words = check_words("custom", 380, PairedLoss(loss, low, high, 0.04, 100, 100), 0.9, 0.9 + loss, 0.02)
    assert words.startswith("Checked on 100 test images: the custom network, trained once on 380 images, reached an ")
    assert words.endswith(says)
