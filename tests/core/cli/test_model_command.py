"""`coreset model`: adding, listing, showing and removing models of the user."""

from pathlib import Path

import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.features.own_models.store import models_folder
from tests.core.features.own_models.onnx_files import WIDTH, model, value, written


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["model", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.slow
def test_a_model_is_added_listed_shown_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path)
    assert "No models of your own were added" in run(capsys, "list")[1]
    code, said, _ = run(
        capsys, "add", str(file), "--name", "Lab net", "--mean", "0.5,0.5,0.5", "--channels", "BGR",
        "--source", "Lab 2026", "--licence", "CC0",
    )  # fmt: skip
    assert code == 0
    assert "note: Assumed, since no description names it: images stretched to the square, bilinear" in said
    assert f"checked on 8 synthetic images: {WIDTH} finite features, the same each time" in said
    assert said.rstrip().endswith("added as the extractor lab-net: coreset select … --extractor lab-net")
    assert "lab-net" in run(capsys, "list")[1]
    code, shown, _ = run(capsys, "show", "Lab net")
    assert code == 0
    assert "state      unverified model: added by the user" in shown
    assert "BGR from 0 to 1, mean 0.5, 0.5, 0.5" in shown
    assert "source     Lab 2026" in shown
    assert run(capsys, "remove", "lab-net")[:2] == (
        0, "Lab net (extractor lab-net) was removed. Projects that use it name it as missing.\n",
    )  # fmt: skip
    assert not list(models_folder().iterdir())
    assert file.exists(), "the user's own file is kept"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add"], "coreset model add requires an ONNX file"),
        (["show"], "coreset model show requires the name of a model"),
        (["remove", "none"], "There is no model named 'none'; none was added yet."),
        (["add", "net.onnx", "--mean", "a,b,c"], "--mean"),
        (["add", "net.onnx", "--mean", "0.5"], "mean must be three numbers"),
        (["add", "net.onnx", "--output", "x"], "it has no output 'x'; its outputs are tokens (?, 15, 15)"),
        (["add", "net.onnx"], "its output tokens has the shape (?, 15, 15); expected (batch, features)"),
    ],
)
def test_what_cannot_be_done_is_named(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, model(outputs=[value("tokens", ("n", 15, 15))]))
    code, _, error = run(capsys, *arguments)
    assert code == 2
    assert said in error
    assert "Traceback" not in error
