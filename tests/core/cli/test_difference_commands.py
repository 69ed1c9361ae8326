"""`coreset diff` and `coreset stability`, against the lists that exports contain."""

from pathlib import Path

import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.output.tables import read_rows


@pytest.fixture
def exports(cells: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two exports of one dataset with other seeds."""
    for seed in ("1", "2"):
        words = ["--extractor", "colour-texture", "--sampler", "random", "--fraction", "0.4", "--seed", seed]
        places = ["--out", str(tmp_path / seed), "--cache", str(tmp_path / "cache")]
        assert main(["export", str(cells), *words, *places]) == 0
    return tmp_path / "1", tmp_path / "2"


def selected(folder: Path) -> dict[str, str]:
    return {row["path"]: row["class"] for row in read_rows(folder / "coreset.csv") if row["selected"] == "1"}


def test_diff_prints_what_both_lists_say(
    exports: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = map(selected, exports)
    capsys.readouterr()
    out = tmp_path / "difference.csv"
    assert main(["diff", *map(str, exports), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    both, only_a, only_b = a.keys() & b.keys(), a.keys() - b.keys(), b.keys() - a.keys()
    assert both
    assert only_a
    assert f"{len(both)} images are in both coresets, {len(only_a)} only in A and {len(only_b)} only in B" in said
    blue = [sum({**a, **b}[path] == "blue" for path in paths) for paths in (both, only_a, only_b)]
    assert next(line.split() for line in said.splitlines() if line.startswith("blue")) == ["blue", *map(str, blue)]
    listed = {row["path"]: row["in"] for row in read_rows(out)}
    assert listed == {
        **dict.fromkeys(both, "both"),
        **dict.fromkeys(only_a, "only A"),
        **dict.fromkeys(only_b, "only B"),
    }
    assert main(["diff", *map(str, exports), "--out", str(out)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert main(["diff", str(exports[0]), str(tmp_path)]) == 2
    assert "is not an export" in capsys.readouterr().err


@pytest.mark.slow
def test_stability_lists_how_often_each_image_is_selected(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "stability.csv"
    words = ["--extractor", "colour-texture", "--sampler", "random", "--fraction", "0.5"]
    places = ["--out", str(out), "--cache", str(tmp_path / "cache")]
    assert main(["stability", str(cells), *words, "--splits", "2", "--seeds", "3", *places]) == 0
    said = capsys.readouterr().out
    assert "Selected 6 times (2 splits, seeds for each: 3)" in said
    rows = read_rows(out)
    assert len(rows) == 54
    pool = sum(int(row["in_pool"]) for row in rows)
    assert sum(int(row["selected"]) for row in rows) == pytest.approx(pool / 2, abs=6)
    for row in rows:
        times, n = int(row["in_pool"]), int(row["selected"])
        assert row["share"] == "" if not times else float(row["share"]) == pytest.approx(n / times, abs=1e-4)
    assert main(["stability", str(cells), *words, "--splits", "1", "--seeds", "1", *places, "--overwrite"]) == 2
    assert "would be selected once" in capsys.readouterr().err
