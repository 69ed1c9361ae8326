"""Values that the images give: said as auto, and settled before anything is made from them."""

import argparse
from collections import defaultdict
from pathlib import Path

import pytest

from coreset_studio.core.cli.choices import study_of
from coreset_studio.core.cli.flags import AUTO, flags_of_images
from coreset_studio.core.cli.parser import build_parser
from coreset_studio.core.settings import settings_to_dict


def options_of(cells: Path, cache: Path, *words: str) -> argparse.Namespace:
    parser = build_parser(defaultdict(lambda: lambda _options: 0))
    out = str(cache / "out")
    return parser.parse_args(["compare", str(cells), "--cache", str(cache), "--out", out, *words])


def test_the_image_size_is_the_images_own_and_is_kept_as_a_number(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = options_of(cells, tmp_path, "--image-size", AUTO, "--layout", AUTO)
    assert [flag.words for flag in flags_of_images(options)] == ["--image-size"]
    study = study_of(options)
    # The images are 44 × 40 pixels: the least side that is offered.
    assert study.settings.training.image_size == 64
    assert study.settings.data.layout == AUTO
    assert settings_to_dict(study.settings)["training"]["image_size"] == 64
    assert "note: image size in pixels, determined from the images: --image-size 64." in capsys.readouterr().err
    by_hand = study_of(options_of(cells, tmp_path, "--image-size", "64"))
    assert by_hand.settings == study.settings
    assert "determined from the images" not in capsys.readouterr().err


def test_what_is_neither_a_number_nor_auto_is_refused(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        options_of(cells, tmp_path, "--image-size", "large")
    error = capsys.readouterr().err
    assert "argument --image-size: it is 'large'; expected a number, or auto to determine it from the images" in error
