"""Corrected classes on the command line: ``--labels``."""

from collections import defaultdict
from pathlib import Path

import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.cli.choices import study_of
from coreset_studio.core.cli.parser import build_parser

GOLDEN = Path(__file__).parents[2] / "golden" / "relabelled"


def path_of(cells: Path, class_name: str, number: int = 0) -> str:
    return sorted((cells / class_name).iterdir())[number].relative_to(cells).as_posix()


@pytest.mark.parametrize("command", ["scan", "select", "export", "run", "compare", "extractors", "search"])
def test_every_command_that_reads_a_dataset_takes_labels(command: str, cells: Path, tmp_path: Path) -> None:
    first = sorted(each.name for each in cells.iterdir())[0]
    file = tmp_path / "labels.csv"
    file.write_text(f"path,label\n{path_of(cells, first)},other\n")
    parser = build_parser(defaultdict(lambda: lambda _options: 0))
    out = ["--out", str(tmp_path / "out")] if command not in ("scan", "extractors") else []
    options = parser.parse_args([command, str(cells), "--cache", str(tmp_path), *out, "--labels", str(file)])
    study = study_of(options)
    [record] = study.settings.data.relabelled
    assert (record.path, record.old, record.new) == (path_of(cells, first), first, "other")


def test_a_scan_counts_the_corrected_classes_and_tells_what_it_assumed(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = sorted(each.name for each in cells.iterdir())[:2]
    file = tmp_path / "labels.csv"
    file.write_text(f"path,label\n{path_of(cells, first)},{second}\n{path_of(cells, first, 1)},other\nx,\n")
    assert main(["scan", str(cells), "--cache", str(tmp_path / "cache"), "--labels", str(file)]) == 0
    said = capsys.readouterr()
    counts = {line.split()[0]: line.split()[1] for line in said.out.splitlines() if len(line.split()) == 2}
    n_first, n_second = (len(list((cells / name).iterdir())) for name in (first, second))
    assert (counts[first], counts[second], counts["other"]) == (str(n_first - 2), str(n_second + 1), "1")
    assert "relabelled: 2 images" in said.out
    assert "note: 1 row of labels.csv without a label was skipped." in said.err


def test_images_that_the_dataset_does_not_have_are_refused(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("path,label\nnowhere.png,other\n")
    assert main(["scan", str(cells), "--cache", str(tmp_path / "cache"), "--labels", str(file)]) == 2
    assert "labels.csv names 1 image that the dataset does not contain: nowhere.png (row 2)" in capsys.readouterr().err


def test_settings_of_a_private_export_say_what_they_do_not_name(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private = GOLDEN / "export-private" / "coreset.json"
    main(["scan", str(cells), "--cache", str(tmp_path / "cache"), "--settings", str(private)])
    said = capsys.readouterr().err
    assert (
        "note: coreset.json is of a private export and does not name the 5 images that were pinned, excluded or" in said
    )
    main(
        ["scan", str(cells), "--cache", str(tmp_path / "cache"), "--settings", str(GOLDEN / "export" / "coreset.json")]
    )
    said = capsys.readouterr()
    assert "private" not in said.err
    assert "4 corrections of classes were not applied: the dataset has no " in said.out
