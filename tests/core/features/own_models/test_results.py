"""A model of the user is named wherever its results are, and an export is made again with the same file."""

import json
import shutil
from pathlib import Path

import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.features.own_models.adding import add_model, remove_model
from coreset_studio.core.output.manifest import read_manifest
from tests.core.features.own_models.onnx_files import model, written

SOURCE = "Example et al. 2026, doi:10.1000/example"


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    make_demo(tmp_path / "cells", 48)
    add_model(written(tmp_path), title="Cell net", changes={"source": SOURCE, "licence": "CC BY 4.0"})
    target = tmp_path / "export"
    code = main(
        ["export", str(tmp_path / "cells"), "--extractor", "cell-net,colour-texture", "--fraction", "0.25",
         "--files", "list", "--out", str(target)]
    )  # fmt: skip
    assert code == 0
    return target


def rerun(exported: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["rerun", str(exported / "coreset.json"), str(exported.parent / "cells")])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_the_manifest_names_file_preparation_source_and_that_it_is_unverified(exported: Path) -> None:
    values = json.loads((exported / "coreset.json").read_text(encoding="utf-8"))
    (mine, other) = values["weights"]
    used = read_manifest(exported).weights[0]
    assert mine["state"] == "unverified"
    assert mine["sha256"] == used.digest
    assert mine["model"] == {
        "title": "Cell net",
        "preparation": "32 × 32 pixels, stretched, bilinear; RGB from 0 to 1, mean 0.485, 0.456, 0.406, standard "
        "deviation 0.229, 0.224, 0.225; output features",
        "source": SOURCE,
        "licence": "CC BY 4.0",
        "key": used.model.key if used.model else "",
    }
    assert other == {"extractor": "colour-texture", "sha256": "", "state": "none"}
    assert any(note.startswith(f"Unverified model: Cell net (extractor cell-net, SHA-256 {used.digest})")
               for note in values["notes"])  # fmt: skip
    assert str(exported.parent) not in json.dumps(values["weights"])


def test_the_methods_paragraph_names_it_as_a_model_of_the_authors(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = read_manifest(exported).weights[0].digest
    for _ in range(2):  # also where it is not on this machine
        capsys.readouterr()
        assert main(["methods", str(exported)]) == 0
        said = capsys.readouterr().out
        assert (
            f"Features were extracted with Cell net, a model supplied by the authors (ONNX file with SHA-256 {digest}, "
            "not verified; images: 32 × 32 pixels, stretched, bilinear; RGB from 0 to 1, mean 0.485, 0.456, 0.406, "
            f"standard deviation 0.229, 0.224, 0.225; output features; {SOURCE})"
        ) in said
        assert "ONNX Runtime 1." in said
        assert "TensorFlow" not in said
        if _ == 0:
            remove_model("cell-net")


def test_the_same_coreset_is_made_with_the_model_under_another_name(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rerun(exported, capsys)[0] == 0
    remove_model("cell-net")
    add_model(exported.parent / "net.onnx", title="renamed")
    code, said = rerun(exported, capsys)
    assert code == 0
    assert "images were selected again" in said


def test_a_model_that_is_not_here_is_named_with_its_digest(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = read_manifest(exported).weights[0].digest
    remove_model("cell-net")
    code, said = rerun(exported, capsys)
    assert code == 2
    assert f"The model Cell net (SHA-256 {digest}) that the export was made with is not on this machine." in said
    assert "with these settings: 32 × 32 pixels, stretched" in said
    # Another file under the same name is not taken for it.
    add_model(written(exported.parent, model(seed=5), "other.onnx"), title="Cell net")
    assert "is not on this machine" in rerun(exported, capsys)[1]


def test_the_same_file_with_other_settings_is_named(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remove_model("cell-net")
    add_model(exported.parent / "net.onnx", title="Blue first", changes={"channels": "BGR"})
    code, said = rerun(exported, capsys)
    assert code == 2
    assert (
        "is here as blue-first, but with other settings: 32 × 32 pixels, stretched, bilinear; BGR from 0 to 1" in said
    )


@pytest.mark.slow
def test_report_and_runs_name_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_demo(tmp_path / "cells", 60)
    digest = add_model(written(tmp_path), title="Cell net").model.sha256
    study = tmp_path / "study"
    arguments = ["compare", str(tmp_path / "cells"), "--extractor", "cell-net", "--judge-extractor", "cell-net",
                 "--samplers", "herding", "--fractions", "0.5", "--networks", "head", "--out", str(study)]  # fmt: skip
    assert main(arguments) == 0
    report = (study / "report.html").read_text(encoding="utf-8")
    assert f"Unverified model: Cell net (extractor cell-net, SHA-256 {digest})" in report
    assert "unverified model of the user" in report
    runs = [json.loads(each.read_text(encoding="utf-8")) for each in (study / "runs").glob("*.json")]
    assert {run["weights"]["model"]["title"] for run in runs} == {"Cell net"}
    assert "The linear probe uses the unverified model Cell net." in report
    shutil.rmtree(tmp_path / "cells")
