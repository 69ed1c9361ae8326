"""No constant of the program's own makes a run fail: small datasets end with a report, or are refused untrained."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.cli import main

SMALL = [
    "--networks", "head,custom", "--image-size", "32", "--epochs", "1", "--min-steps", "0",
    "--extractor", "colour-texture", "--seeds", "1", "--fractions", "0.25,1",
]  # fmt: skip


def images(folder: Path, counts: Sequence[int]) -> Path:
    rng = np.random.default_rng(0)
    for number, count in enumerate(counts):
        place = folder / f"class {number:03}"
        place.mkdir(parents=True)
        for image in range(count):
            pixels = rng.integers(0, 60 + 150 * number // len(counts), (16, 16, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(place / f"{image}.png")
    return folder


@pytest.mark.parametrize(
    ("counts", "flags", "says"),
    [
        ([1, 1], [], "a test fraction of 0.3 selects none of 2 images"),
        ([1], [], "a test fraction of 0.3 selects none of 1 image "),
        ([12], [], "There is only one class"),
        ([2], [], "The pool has 1 image; at least 3 are required"),
        ([5, 5], ["--test-fraction", "0"], "set the test fraction above 0"),
        ([2, 2], [], "The pool has 2 images; at least 3 are required"),
        ([2, 2], ["--networks", "custom,head"], "The pool has 2 images; at least 3 are required"),
        ([8, 8], ["--fractions", "0.01,1"], "rounds to no image. Set a fraction of at least"),
    ],
)  # fmt: skip
def test_what_is_too_small_is_refused_before_anything_is_trained(
    counts: list[int], flags: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = images(tmp_path / "images", counts)
    assert main(["compare", str(source), *SMALL, *flags, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert "trained in" not in said.out
    assert says in said.err.splitlines()[-1]


# Every class size with both commands, with and without validation images; every command with both.
SIZES = ([5, 5], [8, 8], [1, 9], [2, 30], [2, 300], [3] * 12)
VALIDATIONS = ("0", "0.2")
CASES = [
    (command, counts, VALIDATIONS[(row + column) % 2])
    for row, counts in enumerate(SIZES)
    for column, command in enumerate(("run", "compare"))
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "counts", "validation"), CASES, ids=str)
def test_a_small_dataset_ends_with_its_report(
    command: str, counts: list[int], validation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = images(tmp_path / "images", counts), tmp_path / "out"
    assert main([command, str(source), *SMALL, "--validation-fraction", validation, "--out", str(out)]) == 0
    assert "written: " in capsys.readouterr().out
    assert (out / "report.html").is_file()
