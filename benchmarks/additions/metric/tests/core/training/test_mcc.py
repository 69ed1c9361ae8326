"""Matthews correlation: scikit-learn's number, and a column wherever a metric has one."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from coreset_studio.core.cli import main
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.evidence import Evidence
from coreset_studio.core.training.metrics import METRICS
from coreset_studio.core.training.runs import load_runs


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_is_scikit_learns() -> None:
    random = np.random.default_rng(0)
    true = random.integers(4, size=200)
    predicted = np.where(random.random(200) < 0.6, true, random.integers(4, size=200))
    assert evaluate(true, predicted, tuple("abcd"))["mcc"] == pytest.approx(matthews_corrcoef(true, predicted))
    assert evaluate(true, np.zeros_like(true), tuple("abcd"))["mcc"] == 0


def test_each_resample_has_its_own_value() -> None:
    random = np.random.default_rng(1)
    true, predicted = random.integers(3, size=(2, 60))
    weights = random.multinomial(60, np.full(60, 1 / 60), size=5)
    values = METRICS["mcc"].values(Evidence(true, predicted, 3, weights=weights))
    wanted = [matthews_corrcoef(true, predicted, sample_weight=row) for row in weights]
    assert values.tolist() == pytest.approx(wanted)


def test_a_comparison_has_its_column_interval_and_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_demo(tmp_path / "cells", 80, side=48)
    words = ["--extractor", "colour-texture", "--networks", "head", "--samplers", "herding", "--fractions", "0.2,1"]
    out = tmp_path / "study"
    assert main(["compare", str(tmp_path / "cells"), *words, "--seeds", "2", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    [head] = [line.split() for line in said.splitlines() if line.startswith("network ")]
    assert "MCC" in head
    assert "Matthews correlation 0." in said or "Matthews correlation 1." in said
    rows, differences = (table(out / "tables" / f"{name}.csv") for name in ("comparison", "differences"))
    assert all(float(row["mcc_low"]) <= float(row["mcc"]) <= float(row["mcc_high"]) for row in rows)
    [difference] = [row for row in differences if row["metric"] == "mcc"]
    assert float(difference["low"]) < float(difference["difference"]) < float(difference["high"])
    assert ">MCC" in (out / "report.html").read_text(encoding="utf-8")
    assert all(-1 <= run.metrics["mcc"] <= 1 for run in load_runs(out / "runs").runs)
