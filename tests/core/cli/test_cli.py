"""The command line as a user types it: what it writes, what it says, how it ends."""

import csv
import importlib
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from coreset_studio.core.cli import main, training_commands
from coreset_studio.core.cli.choices import settings_of
from coreset_studio.core.cli.parser import build_parser
from coreset_studio.core.cli.program import MODULES
from coreset_studio.core.results import Comparison, Note, Row

FEW = ["--extractor", "colour-texture"]


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def chosen(file: Path) -> set[str]:
    return {row["path"] for row in rows_of(file) if row["selected"] == "1"}


COMMANDS = (
    "scan", "extractors", "features", "embed", "size", "select", "export", "verify", "rerun", "diff", "stability",
    "compare", "run", "search", "predict", "evaluate", "explain", "methods", "weights", "model", "cluster", "plugins",
    "demo",
)  # fmt: skip


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command_and_shows_per_cent_signs(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([flag])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(f"\n    {command}" in said for command in COMMANDS)
    assert "train both networks on 100 %, RS and IS" in " ".join(said.split())


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(
    command: str, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, flag])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: coreset {command} ")
    assert f"examples:\n  coreset {command}" in said
    assert "%(" not in said


def test_the_commands_tested_are_all_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    named = capsys.readouterr().err.rpartition("(choose from ")[2].rstrip(")\n")
    assert [name.strip(" '") for name in named.split(",")] == list(COMMANDS)


def test_scan_tells_what_is_there_and_what_is_not(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(cells)]) == 0
    said = capsys.readouterr().out
    assert "54 images in 3 classes" in said
    assert "skipped: 1" in said
    assert "red/notes.jpg" in said


def test_select_writes_one_row_an_image_and_meets_the_budget(cells: Path, tmp_path: Path) -> None:
    file = tmp_path / "selection.csv"
    assert main(["select", str(cells), *FEW, "--fraction", "0.25", "--seed", "3", "--out", str(file)]) == 0
    rows = rows_of(file)
    assert len(rows) == 54
    assert list(rows[0]) == ["path", "class", "split", "cluster", "is_medoid", "selected", "rank", "reason", "file"]
    assert all((tmp_path / row["file"]).samefile(cells / row["path"]) for row in rows)
    pool = [row for row in rows if row["split"] == "train"]
    assert len(chosen(file)) == round(0.25 * len(pool))
    assert {row["split"] for row in rows} == {"train", "test"}
    assert all("\\" not in row["path"] for row in rows)


@pytest.mark.slow
def test_with_no_test_fraction_every_image_is_in_the_pool(cells: Path, tmp_path: Path) -> None:
    file = tmp_path / "selection.csv"
    main(["select", str(cells), *FEW, "--test-fraction", "0", "--fraction", "0.5", "--out", str(file)])
    assert {row["split"] for row in rows_of(file)} == {"train"}
    assert len(chosen(file)) == 27


@pytest.mark.parametrize("sampler", ["random", "stratified", "intelligent", "balanced-herding"])
def test_the_same_seed_chooses_the_same_images(cells: Path, tmp_path: Path, sampler: str) -> None:
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for file in files:
        assert main(["select", str(cells), *FEW, "--sampler", sampler, "--seed", "5", "--out", str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_export_verify_and_rerun(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "coreset"
    assert main(["export", str(cells), *FEW, "--fraction", "0.3", "--out", str(out)]) == 0
    assert {p.name for p in out.iterdir()} == {"blue", "green", "red", "coreset.csv", "coreset.json"}
    n_files = sum(1 for p in out.rglob("*.png"))
    assert n_files == len(chosen(out / "coreset.csv"))
    assert main(["verify", str(out)]) == 0
    assert main(["rerun", str(out / "coreset.json"), str(cells), "--out", str(tmp_path / "again.csv")]) == 0
    assert chosen(tmp_path / "again.csv") == chosen(out / "coreset.csv")
    one = next(out.rglob("*.png"))
    one.write_bytes(one.read_bytes() + b"x")
    capsys.readouterr()
    assert main(["verify", str(out)]) == 1
    assert one.name in capsys.readouterr().out


def test_a_settings_file_holds_every_choice_and_the_command_line_wins(cells: Path, tmp_path: Path) -> None:
    settings = {
        "data": {"validation_fraction": 0.0},
        "features": {"extractors": ["colour-texture"]},
        "selection": {"sampler": "stratified", "fraction": 0.5, "budget_over_classes": "equal"},
    }
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings))
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    assert main(["select", str(cells), "--settings", str(file), "--out", str(one)]) == 0
    assert main(["select", str(cells), "--settings", str(file), "--fraction", "0.2", "--out", str(two)]) == 0
    assert len(chosen(two)) < len(chosen(one))
    classes = [row["class"] for row in rows_of(two) if row["selected"] == "1"]
    counts = [classes.count(name) for name in ("blue", "green", "red")]
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scan", "no/such/folder"], "no/such/folder"),
        (["select", "CELLS", "--extractor", "colour-textures", "--out", "x.csv"], "colour-textures"),
        (["select", "CELLS", *FEW, "--sampler", "best", "--out", "x.csv"], "best"),
        (["select", "CELLS", *FEW, "--fraction", "1.5", "--out", "x.csv"], "1.5"),
        (["select", "CELLS", *FEW, "--images", "4000", "--out", "x.csv"], "4000"),
        (["select", "CELLS", "--settings", "none.json", "--out", "x.csv"], "none.json"),
        (["compare", "CELLS", *FEW, "--networks", "resnet", "--out", "x"], "resnet"),
        (["compare", "CELLS", *FEW, "--fractions", "a,b", "--out", "x"], "--fractions"),
        (["verify", "CELLS"], "coreset.json"),
        (["weights", "import"], "weight file"),
        (["weights", "download", "nosuch"], "nosuch"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    cells: Path,
    tmp_path: Path,
    arguments: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(cells) if word == "CELLS" else word for word in arguments]) == 2
    error = capsys.readouterr().err
    last = error.strip().splitlines()[-1]
    assert last.startswith("coreset: ")
    assert says in last
    assert "Traceback" not in error
    assert not (tmp_path / "x.csv").exists()


def test_an_existing_file_is_not_overwritten_unasked(cells: Path, tmp_path: Path) -> None:
    file = tmp_path / "selection.csv"
    file.write_text("mine")
    assert main(["select", str(cells), *FEW, "--out", str(file)]) == 2
    assert file.read_text() == "mine"
    assert main(["select", str(cells), *FEW, "--out", str(file), "--overwrite"]) == 0
    assert len(rows_of(file)) == 54


def test_extractors_lists_needs_and_separation(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extractors", str(cells), *FEW, "--compute"]) == 0
    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if line.startswith("colour-texture"))
    assert "needs none" in line
    assert "54 of 54" in line
    assert any(line.startswith("resnet101v2") for line in said.splitlines())


@pytest.mark.slow
def test_a_comparison_with_the_head_leaves_report_and_tables(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study"
    arguments = [
        "compare",
        str(cells),
        *FEW,
        "--networks",
        "head",
        "--fractions",
        "0.2,1",
        "--seeds",
        "2",
        "--out",
        str(out),
    ]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "Linear probe: 20 % selected by stratified random" in said
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "red/notes.jpg" in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert list((out / "tables").glob("*.csv"))
    assert main(arguments) == 2, "a finished study is not replaced unasked"
    assert main([*arguments, "--overwrite"]) == 0


def test_a_comparison_prints_what_it_could_not_read_as_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    note = "1 stored run could not be read (file x.json: why); it is trained again when required."
    training_commands._print_run(Note(note))
    assert capsys.readouterr().out == f"note: {note}\n"
    means = {"accuracy": 0.9, "f1": 0.8}
    row = Row(
        "head", "random", 0.1, 20, 2, means, {"accuracy": 0.85, "f1": 0.7}, {"accuracy": 0.95, "f1": 0.9}, 1, 2, 3
    )
    training_commands._print_comparison(Comparison((), (row,), (), ("Told.", note), (note,)))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Test results with 95 % intervals:"
    assert said[1].split() == ["network", "sampler", "kept", "images", "runs", "accuracy", "95", "%", "F1", "selecting",
                               "training", "of", "it", "validation", "pays", "after"]  # fmt: skip
    assert "0.900  0.850 to 0.950  0.800" in said[-3]
    assert said[-2:] == ["Told.", f"note: {note}"]
    trained = replace(row, network="custom", validation_seconds=0.5)
    training_commands._print_comparison(Comparison((), (trained,), (), steps="equal"))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Test results with 95 % intervals, equal steps at every fraction:"
    training_commands._print_comparison(Comparison((), (trained,), (), steps="falling"))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Test results with 95 % intervals, steps falling with the images:"


@pytest.mark.slow
def test_a_comparison_over_folds_says_so(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", str(cells), *FEW, "--networks", "head", "--fractions", "0.2,1", "--folds", "3"]
    assert main([*arguments, "--out", str(tmp_path / "study")]) == 0
    said = capsys.readouterr().out
    assert "head, whole pool 100 %, fold 3 of 3, repetition 1: test accuracy" in said
    assert "folds  runs" in next(line for line in said.splitlines() if line.startswith("network "))
    assert "Measured over 3 folds, 1 repetition each" in said
    assert {row["fold"] for row in rows_of(tmp_path / "study" / "tables" / "runs.csv")} == {"0", "1", "2"}
    for more, sentence in (
        (["--splits", "2"], "3 folds and 2 splits are set, but a comparison has either folds or splits; "),
        (["--folds", "13"], "The class “red” has 12 images, so at most 12 folds are possible; found 13."),
        (["--folds", "1"], "folds must be a whole number of at least 2; found 1."),
    ):
        assert main([*arguments, *more, "--out", str(tmp_path / "none")]) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())


def test_no_validation_is_a_share_of_none() -> None:
    parser = build_parser({name: lambda _: 0 for name in COMMANDS})
    for said, share in ((["--no-validation"], 0.0), (["--validation-fraction", "0.1"], 0.1), ([], 0.2)):
        options = parser.parse_args(["compare", "cells", *FEW, *said, "--out", "study"])
        assert settings_of(options).data.validation_fraction == share


@pytest.mark.slow
def test_a_comparison_over_splits_says_so(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "study"
    arguments = ["compare", str(cells), *FEW, "--networks", "head", "--fractions", "0.2,1", "--splits", "2"]
    assert main([*arguments, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "head, whole pool 100 %, split 2 of 2, repetition 1: test accuracy" in said
    header = next(line for line in said.splitlines() if line.startswith("network "))
    assert "splits  runs" in header
    assert "Measured over 2 splits, 1 repetition each" in said
    runs = rows_of(out / "tables" / "runs.csv")
    assert {row["split"] for row in runs} == {"0", "1"}
    assert main([*arguments[:-1], "0", "--out", str(tmp_path / "none")]) == 2
    assert "splits must be a whole number of at least 1; found 0" in capsys.readouterr().err


def test_a_split_that_was_brought_is_not_divided_again(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brought = tmp_path / "brought"
    for part, numbers in (("train", range(9)), ("test", range(9, 12))):
        for file in (f for name in ("blue", "red") for n in numbers for f in cells.glob(f"{name}/{name}_{n:02d}.png")):
            (brought / part / file.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, brought / part / file.parent.name)
    arguments = ["compare", str(brought), *FEW, "--networks", "head", "--out", str(tmp_path / "study"), "--splits", "3"]
    assert main(arguments) == 2
    assert "has a predefined split, so there is only one split, but 3 are set" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_ends_with_130_and_the_next_call_goes_on(cells: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "coreset_studio.core.cli",
        "demo",
        "--out",
        str(tmp_path / "demo"),
        "--images",
        "2000",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        while "Drawing" not in (line := process.stderr.readline()):
            assert line or process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert "Cancelled" in process.stderr.read()
    assert not (tmp_path / "demo-images").exists()


@pytest.mark.slow
def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (
        "scan",
        "extractors",
        "select",
        "export",
        "verify",
        "rerun",
        "compare",
        "run",
        "search",
        "predict",
        "evaluate",
    ):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert f"coreset {command}" in capsys.readouterr().out.split("examples:")[1]


def test_help_imports_no_library_that_computes() -> None:
    script = (
        "import sys; from coreset_studio.core.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'scipy', 'sklearn', 'kmedoids', 'tensorflow', 'keras', 'cv2', 'PIL', 'matplotlib', 'h5py'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "usage: coreset" in done.stdout
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_every_command_is_found_in_the_module_that_is_imported_for_it() -> None:
    for name, module in MODULES.items():
        assert callable(getattr(importlib.import_module(f"coreset_studio.core.cli.{module}"), name)), name
    assert set(MODULES) == set(COMMANDS)
