"""A search in reports and files: tables with the right values, and what is stored and read again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.content import ReportContent
from coreset_studio.core.output.report import write_report
from coreset_studio.core.output.search_files import FORM, read_search, write_search
from coreset_studio.core.output.search_report import agreement_table, agreement_values, search_table
from coreset_studio.core.pipeline.search_summary import Searched, summarise_search
from coreset_studio.core.results import Dataset
from coreset_studio.core.results.searches import SearchResult, SearchTest, SearchTrial, TrialResult
from coreset_studio.core.settings import Settings

TITLES = {"learning_rate": "Learning rate", "image_size": "Image size"}
TRIALS = [
    SearchTrial(0, {"learning_rate": 0.001, "image_size": 64}, TrialResult(0.7, 9, 2.0), TrialResult(0.8, 9, 12.0)),
    SearchTrial(1, {"learning_rate": 0.002, "image_size": 96}, TrialResult(0.9, 9, 4.0), TrialResult(0.85, 9, 14.0)),
    SearchTrial(2, {"learning_rate": 0.004, "image_size": 32}, TrialResult(0.8, 9, 3.0), TrialResult(0.9, 9, 13.0)),
    SearchTrial(3, {"learning_rate": 0.02, "image_size": 64}, TrialResult(0.4, 3, 1.0, 3), TrialResult(0.6, 9, 13.0)),
]
FOUND = replace(
    summarise_search(
        Searched("tpe", "custom", "even-herding", TITLES, TRIALS, 30, 300, 25.0),
        SearchTest(0.88, 0.8, 0.93, 120, 0.05, -0.01, 0.11),
    ),
    notes=("Trained without patient07/a.png, which could no longer be read.",),
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    place = tmp_path_factory.mktemp("search-report")
    make_demo(place / "demo", n_images=20, side=32)
    return scan(place / "demo", cache_folder=place / "cache")


def test_the_tables_have_the_values_of_the_trials_and_of_the_agreement() -> None:
    table = search_table(FOUND)
    assert [column.title for column in table.columns][:3] == ["Trial", "Learning rate", "Image size"]
    assert table.rows[0] == (2, 0.002, 96, 0.9, 9, "complete", 4.0, 0.85, 14.0)
    assert table.rows[-1] == (4, 0.02, 64, 0.4, 3, "pruned after epoch 3", 1.0, 0.6, 13.0)
    measures = dict(agreement_table(FOUND).rows)
    assert measures["Kendall's τ"] == "0.333"  # of three pairs two are in the same order
    assert measures["Trials ranked"] == "3"
    assert measures["Regret, validation accuracy, points"] == "5.00"
    assert measures["Regret, test accuracy, points (90 % interval)"] == "5.00 (−1.00 to 11.00)"
    assert measures["Pays off after trials"] == "3"  # 25 s, at 13 s less 3 s a trial
    figures = dict(agreement_values(FOUND).rows)
    assert figures["regret_validation"] == pytest.approx(0.05)
    assert (figures["regret_test"], figures["regret_test_low"], figures["regret_test_high"]) == (0.05, -0.01, 0.11)
    assert (figures["coreset_seconds"], figures["pool_seconds"], figures["pays_after_trials"]) == (10.0, 52.0, 3)
    alone = [replace(trial, pool=None) for trial in TRIALS]
    without = summarise_search(Searched("tpe", "custom", "random", TITLES, alone, 30))
    assert agreement_table(without).rows == ()
    assert len(search_table(without).columns) == 7


def test_what_is_written_is_read_again(dataset: Dataset, tmp_path: Path) -> None:
    write_search(tmp_path, FOUND, Settings(), dataset)
    assert read_search(tmp_path) == FOUND
    page = (tmp_path / "search-report.html").read_text(encoding="utf-8")
    assert "Kendall&#39;s τ, is 0.33" in page or "Kendall's τ, is 0.33" in page
    assert "<svg" in page
    times = (tmp_path / "search-times.csv").read_text(encoding="utf-8-sig").splitlines()
    assert times[:2] == ["trial,coreset_seconds,pool_seconds", "2,4.0,14.0"]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"format": 2}, "was written by a newer version of the program"),
        ({"format": "x"}, "is damaged (its format is 'x'; expected 1)"),
        ({"trials": []}, "is damaged (its trials do not fit)"),
        ({"titles": {"dropout": "Dropout"}}, "is damaged (its trials do not fit)"),
        ({"n_coreset": "many"}, "is damaged ("),
    ],
)
def test_a_damaged_or_newer_form_is_refused(
    dataset: Dataset, tmp_path: Path, damage: dict[str, object], sentence: str
) -> None:
    write_search(tmp_path, FOUND, Settings(), dataset)
    values = json.loads((tmp_path / FORM).read_text(encoding="utf-8"))
    (tmp_path / FORM).write_text(json.dumps({**values, **damage}), encoding="utf-8")
    with pytest.raises(ExportError) as raised:
        read_search(tmp_path)
    assert sentence in str(raised.value)


def test_a_report_has_the_search_as_a_section(dataset: Dataset, tmp_path: Path) -> None:
    written = write_report(tmp_path / "report.html", ReportContent(dataset=dataset, search=FOUND))
    page = written.page.read_text(encoding="utf-8")
    assert "Hyperparameter search" in page
    assert {file.name for file in written.tables} >= {"search_trials.csv", "search_agreement.csv"}
    without = write_report(tmp_path / "none" / "report.html", ReportContent(dataset=dataset))
    assert "Hyperparameter search" not in without.page.read_text(encoding="utf-8")


def test_a_search_without_the_pool_is_drawn(dataset: Dataset, tmp_path: Path) -> None:
    alone = [replace(trial, pool=None) for trial in TRIALS]
    found: SearchResult = summarise_search(Searched("tpe", "custom", "random", TITLES, alone, 30))
    write_search(tmp_path, found, Settings(), dataset)
    assert "the line is the best so far" in (tmp_path / "search-report.html").read_text(encoding="utf-8")
