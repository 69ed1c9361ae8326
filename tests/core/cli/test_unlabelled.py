"""Images without labels on the command line: which to label first, and which next."""

import csv
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.output.manifest import read_manifest

Call = Callable[..., tuple[int, str]]
CHEAP = ("--extractor", "colour-texture")


@pytest.fixture
def flat(cells: Path, tmp_path: Path) -> Path:
    """The cells in one folder; the names keep the classes."""
    folder = tmp_path / "flat"
    folder.mkdir()
    for image in cells.glob("*/*.png"):
        shutil.copy(image, folder / image.name)
    return folder


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """A function that runs a command in this process and returns its exit code and what it said."""

    def run(*words: str | Path, cheap: bool = True) -> tuple[int, str]:
        capsys.readouterr()
        more = (*(CHEAP if cheap else ()), "--cache", str(tmp_path / "cache"))
        code = main([*map(str, words), *more])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def labelled(list_file: Path, target: Path) -> list[str]:
    """Write what a user would: the class of each selected image, read off its name; return the paths."""
    chosen = [row["path"] for row in rows_of(list_file) if row["selected"] == "1"]
    target.write_text("path,label\n" + "".join(f"{path},{path.split('_')[0]}\n" for path in chosen), encoding="utf-8")
    return chosen


@pytest.mark.slow
def test_in_processes_from_a_flat_folder_to_the_next_images_to_label(flat: Path, tmp_path: Path) -> None:
    def run(*words: str | Path) -> str:
        command = [sys.executable, "-m", "coreset_studio.core.cli", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    cache = ("--cache", tmp_path / "cache")
    said = run("export", flat, "--images", "9", "--files", "list", "--out", tmp_path / "one", *CHEAP, *cache)
    assert "9 of 54 images of the pool" in said
    first = tmp_path / "one" / "coreset.json"
    assert "All 2 files are as they were written." in run("verify", tmp_path / "one")
    assert "The same 9 images were selected again." in run("rerun", first, flat, *cache)
    chosen = labelled(tmp_path / "one" / "coreset.csv", tmp_path / "labels.csv")
    labels = ("--labels", tmp_path / "labels.csv")
    said = run("scan", flat, *labels, *cache)
    assert "9 images in 3 classes, and 45 without a label" in said
    assert "45: It has no label yet." in said
    next_ones = tmp_path / "two"
    more = ("--ignore-labels", "--continue-from", first, "--images", "15", "--files", "list", "--out", next_ones)
    assert "All 9 images of the earlier coreset are kept." in run("export", flat, *labels, *more, *CHEAP, *cache)
    rows = [row["path"] for row in rows_of(next_ones / "coreset.csv") if row["selected"] == "1"]
    assert rows[:9] == chosen or set(rows[:9]) == set(chosen)
    assert len(set(rows) - set(chosen)) == 6
    assert "The same 15 images were selected again." in run("rerun", next_ones / "coreset.json", flat, *cache)


def test_the_list_is_in_the_order_of_selection(flat: Path, tmp_path: Path, call: Call) -> None:
    code, _ = call("select", flat, "--images", "8", "--out", tmp_path / "list.csv")
    assert code == 0
    rows = rows_of(tmp_path / "list.csv")
    assert [row["rank"] for row in rows[:8]] == [str(n) for n in range(1, 9)]
    rest = [row["path"] for row in rows[8:]]
    assert rest == sorted(rest)
    assert len(rows) == 54
    assert {row["class"] for row in rows} == {"Unlabelled"}


@pytest.mark.parametrize("sampler", ["even-herding", "typiclust", "random", "stratified", "k-center", "graph-coverage"])
def test_every_sampler_selects_from_one_group(flat: Path, tmp_path: Path, call: Call, sampler: str) -> None:
    code, said = call("select", flat, "--images", "6", "--sampler", sampler, "--out", tmp_path / "list.csv")
    assert code == 0, said
    assert sum(row["selected"] == "1" for row in rows_of(tmp_path / "list.csv")) == 6


def test_copies_open_again_as_images_without_labels(flat: Path, tmp_path: Path, call: Call) -> None:
    code, _ = call("export", flat, "--images", "6", "--out", tmp_path / "copies")
    assert code == 0
    for again in (tmp_path / "copies", tmp_path / "copies" / "coreset.csv"):
        code, said = call("scan", again, cheap=False)
        assert code == 0
        assert "6 images without labels" in said


def test_a_private_export_names_no_image(flat: Path, tmp_path: Path, call: Call) -> None:
    code, _ = call("export", flat, "--images", "6", "--private", "--files", "list", "--out", tmp_path / "private")
    assert code == 0
    text = (tmp_path / "private" / "coreset.csv").read_text("utf-8-sig")
    text += (tmp_path / "private" / "coreset.json").read_text("utf-8")
    assert not any(image.stem in text for image in flat.iterdir())
    paths = [row["path"] for row in rows_of(tmp_path / "private" / "coreset.csv")]
    assert paths == sorted(paths)


@pytest.mark.parametrize(
    ("command", "more", "what"),
    [
        ("compare", ("--out", "study"), "Training and comparing networks"),
        ("search", ("--out", "search"), "A hyperparameter search"),
        ("size", (), "Measuring how many images are needed"),
        ("export", ("--out", "out", "--probabilities-and-weights"), "A teacher of class probabilities"),
    ],
)
def test_what_requires_labels_says_so(
    flat: Path, tmp_path: Path, call: Call, command: str, more: tuple[str, ...], what: str
) -> None:
    code, said = call(command, flat, *(str(tmp_path / one) if one.isalpha() else one for one in more))
    assert code == 2
    assert f"{what} requires labels, and no image has one." in said


@pytest.mark.slow
def test_a_run_selects_exports_and_reports_without_training(flat: Path, tmp_path: Path, call: Call) -> None:
    code, said = call("run", flat, "--images", "6", "--out", tmp_path / "study")
    assert code == 0
    assert "note: Training and comparing networks requires labels" in said
    assert len(read_manifest(tmp_path / "study" / "coreset").chosen) == 6
    report = (tmp_path / "study" / "report.html").read_text("utf-8")
    assert "Suspected label errors" not in report
    assert main(["methods", str(tmp_path / "study")]) == 0


@pytest.mark.slow
def test_the_methods_paragraph_speaks_of_no_classes(flat: Path, tmp_path: Path, call: Call,
                                                    capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    assert call("export", flat, "--images", "6", "--files", "list", "--out", tmp_path / "one")[0] == 0
    assert main(["methods", str(tmp_path / "one")]) == 0
    said = capsys.readouterr().out
    assert "The dataset consisted of 54 images without labels." in said
    assert "They were reduced by principal component analysis" in said
    assert "Each class" not in said
    assert "Within each class" not in said
    labelled(tmp_path / "one" / "coreset.csv", tmp_path / "labels.csv")
    out = tmp_path / "two"
    more = ("--labels", tmp_path / "labels.csv", "--images", "3", "--files", "list", "--out", out)
    assert call("export", flat, *more)[0] == 0
    assert main(["methods", str(out)]) == 0
    said = capsys.readouterr().out
    assert "6 images of 3 classes, and 48 images without a label, which were not used." in said
    assert "corrected" not in said
    assert "excluded" not in said
