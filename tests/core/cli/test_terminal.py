"""What reaches the terminal of names that were made to steer it."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.cli.terminal import TerminalProgress, plain, say, table
from coreset_studio.core.pipeline import whole
from coreset_studio.core.progress import StepProgress
from coreset_studio.core.results import Comparison

WICKED = "re\x1b[31md\x1b]0;x\x07\u202egnp.\u2066"
STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("eos/1.png", "eos/1.png"),
        ("Größe · 日本 – ½", "Größe · 日本 – ½"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("one\u2028two", "one\\u2028two"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_steers_a_terminal_is_escaped_and_text_stays(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_lines_tables_and_progress_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"class {WICKED}\nnext")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    stream = io.StringIO()
    TerminalProgress(stream).report(1, 2, f"Clustering {WICKED}: classes")
    for text in (said, stream.getvalue(), table(["class\x1b", "n"], [[f"{WICKED}\n", "1"]])):
        assert text
        assert not STEERS.search(text)
    assert len({len(line) for line in table(["class", "n"], [[WICKED, "1"]], {1}).splitlines()}) == 1


@pytest.mark.slow
def test_wicked_names_of_classes_and_files_reach_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for name in (WICKED, "blue\nnote: forged"):
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(tmp_path / "cells" / name / f"{number}\x1b[1m.png")
        (tmp_path / "cells" / name / "no\x1b[5m.png").write_bytes(b"")
    cells, cache = str(tmp_path / "cells"), ["--cache", str(tmp_path / "cache")]
    out = str(tmp_path / "out\x1b[7m")
    few = ["--extractor", "colour-texture", "--fraction", "0.5"]
    assert main(["scan", cells, *cache]) == 0
    assert main(["export", cells, *cache, *few, "--out", out]) == 0
    assert main(["export", cells, *cache, *few, "--out", out]) == 2
    next(Path(out).rglob("*.png")).unlink()
    assert main(["verify", out]) == 1
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert text
        assert not STEERS.search(text)
        assert not any(line.startswith("note: forged") for line in text.splitlines())
    assert "re\\x1b[31md" in said.out


@pytest.mark.slow
def test_a_comparison_names_an_image_that_was_emptied_meanwhile(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = whole.run_comparison
    emptied: list[str] = []

    def emptying(prepared: Any, *arguments: Any, **keywords: Any) -> Comparison:
        image = prepared.dataset.images[prepared.split.test[0]]
        emptied.append(image.path)
        (prepared.dataset.root / image.path).write_bytes(b"")
        return original(prepared, *arguments, **keywords)

    own = tmp_path / "own"
    for file in sorted(cells.rglob("*.png")):
        (own / file.parent.name).mkdir(parents=True, exist_ok=True)
        (own / file.parent.name / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(whole, "run_comparison", emptying)
    arguments = [
        "compare", str(own), "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "study"), "--extractor",
        "colour-texture", "--networks", "custom", "--fractions", "1", "--seeds", "1", "--image-size", "32",
        "--epochs", "1", "--min-steps", "1",
    ]  # fmt: skip
    assert main(arguments) == 0
    said = capsys.readouterr().out
    [path] = emptied
    assert f"{path} (The file is empty)" in said
    assert f"without {path}, which could no longer be read" in said
    assert path in (tmp_path / "study" / "report.html").read_text(encoding="utf-8")


def test_work_of_several_steps_is_shown_as_a_percentage() -> None:
    for done, total, shown in ((1, 4, "45 %"), (4, 4, "60 %")):
        written = io.StringIO()
        StepProgress(TerminalProgress(written), 2, 5).report(done, total, "Measuring learning curves: folds")
        assert written.getvalue() == f"Measuring learning curves · {shown}\n"
    written = io.StringIO()
    TerminalProgress(written).report(0, 1000, "Scanning: images")
    assert written.getvalue() == "Scanning · 0 of 1,000 images\n"
