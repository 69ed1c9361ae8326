import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coreset_studio.core.errors import CancelledError, ExportError
from coreset_studio.core.output.content import ReportContent, labels_for
from coreset_studio.core.output.report import write_report
from coreset_studio.core.output.report_sections import coreset_words, duplicates_words, structure_summary
from coreset_studio.core.output.tables import read_rows
from coreset_studio.core.output.training_figures import training_time
from coreset_studio.core.output.training_sections import headline, remarks
from coreset_studio.core.results import Duplicates, Skipped

pytestmark = pytest.mark.slow

FILES = {
    "budgets", "class_metrics", "classes", "clusters", "comparison", "components", "confusion", "cost",
    "coverage", "differences", "duplicates", "epochs", "explained_variance", "label_doubts", "leaks", "left_out",
    "near_duplicates", "proxy", "recall_custom", "recall_head", "recall_transfer", "runs", "separation", "settings",
    "silhouettes", "skipped", "structure", "table_1", "times", "versions", "weights",
}  # fmt: skip


class Page(HTMLParser):
    """Collects what a page refers to, its open tags and its text."""

    VOID = ("meta", "img", "link", "br", "hr", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data"):
                self.references.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def written(content: ReportContent, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Page]:
    target = tmp_path_factory.mktemp("report") / "out" / "report.html"
    write_report(target, content)
    return target, Page(target.read_text(encoding="utf-8"))


def test_the_page_holds_all_it_shows(written: tuple[Path, Page]) -> None:
    target, page = written
    assert page.open == []
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    for reference in page.references:
        assert reference.startswith(("data:image/", "#")) or (target.parent / reference).is_file()
    text = target.read_text(encoding="utf-8")
    assert "://" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", text)
    assert "url(" not in re.sub(r"url\(#f\d+-[^)]+\)", "", text)
    assert len(page.ids) == len(set(page.ids))
    assert {r[1:] for r in page.references if r.startswith("#")} <= set(page.ids)


def test_the_answer_comes_first_and_says_what_was_shown(written: tuple[Path, Page]) -> None:
    text = " ".join(written[1].text.split())
    first = text[text.index("Summary", text.index("Settings and method")) : text.index("Figure 1.")]
    assert "Intelligent (IS) selected 6 of 12 images of the pool (50 %)" in first
    assert "Test accuracy of the custom network with 50 % of the pool: Intelligent (IS) 0." in first
    assert "the clusters are not separate groups" in first
    assert "Synthetic images." in text[: text.index("Summary")]


def test_all_figures_of_the_paper_are_there(written: tuple[Path, Page]) -> None:
    text = " ".join(written[1].text.split())
    for number in (
        "Fig. 2",
        "Fig. 3",
        "Fig. 4",
        "Fig. 5",
        "Fig. 6",
        "Figs. 7 and 8",
        "Fig. 9",
        "Table 1",
        "Figs. 10 and 11",
    ):
        assert f"(paper, {number})" in text
    numbers = [int(n) for n in re.findall(r"Figure (\d+)\. ", text)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_doubtful_things_are_said(written: tuple[Path, Page]) -> None:
    text = " ".join(written[1].text.split())
    assert "1 file was skipped" in text
    assert "It is not an image." in text
    assert "1 of them has two labels, one of which must be wrong" in text
    assert "1 pair of a training and a test image" in text
    assert "Unverified weights: those of vgg16" in text
    assert "VGG16 backbone." in text
    assert "Keep in mind." in text


def test_every_table_stands_beside_it_as_csv(content: ReportContent, written: tuple[Path, Page]) -> None:
    folder = written[0].parent / "tables"
    assert {file.stem for file in folder.iterdir()} == FILES
    assert all(file.suffix == ".csv" for file in folder.iterdir())
    for file in folder.iterdir():
        with file.open(newline="", encoding="utf-8") as stream:
            assert len({len(row) for row in csv.reader(stream)}) == 1
    rows = read_rows(folder / "runs.csv")
    assert len(rows) == len(content.comparison.runs)
    assert float(rows[0]["accuracy"]) == content.comparison.runs[0].metrics["accuracy"]
    assert sum(int(row["images"]) for row in read_rows(folder / "clusters.csv")) == len(content.split.pool)


def test_names_of_classes_are_escaped(make_case, tmp_path: Path) -> None:
    name = "<script>alert(1)"
    case = make_case({f"{folder}/{n}.png": folder for folder in ("a", "b") for n in range(3)})
    images = tuple(replace(i, class_name=name if i.class_name == "a" else "=b") for i in case.dataset.images)
    dataset = replace(case.dataset, images=images)
    write_report(tmp_path / "r.html", ReportContent(dataset=dataset, title="<i>"))
    page = Page((tmp_path / "r.html").read_text())
    assert "script" not in page.tags
    assert name in page.text
    assert [row["class"] for row in read_rows(tmp_path / "tables" / "classes.csv")] == [name, "=b"]
    assert "\n'=b," in (tmp_path / "tables" / "classes.csv").read_text()


def test_a_private_report_names_no_folder_of_a_patient(content: ReportContent) -> None:
    images = tuple(
        replace(image, path=f"Miller Anna/{image.class_name}/{number}.png")
        for number, image in enumerate(content.dataset.images)
    )
    skipped = (Skipped("Jones 1951/x_mask.png", "It is a mask of Jones 1951/x.png."),)
    dataset = replace(content.dataset, images=images, skipped=skipped)
    labels = labels_for(replace(content, dataset=dataset), private=True)
    said = labels.text(f"The folders Miller Anna, Jones 1951, … (2) hold {dataset.classes[0]} and 12 others.")
    assert "Miller" not in said
    assert "1951" not in said
    assert f"hold {dataset.classes[0]} and 12 others." in said


def test_a_private_report_names_no_file_and_shows_no_image(content: ReportContent, tmp_path: Path) -> None:
    names = [image.path for image in content.dataset.images]
    coreset = replace(content.coreset, notes=(f"{names[0]} was pinned in.",))
    dataset = replace(content.dataset, source=Path("/ward/Smith John"))
    result = write_report(tmp_path / "r.html", replace(content, dataset=dataset, coreset=coreset), private=True)
    for file in (result.page, *result.tables):
        text = file.read_text()
        assert not [name for name in names if name in text]
        assert "Smith" not in text
    page = result.page.read_text()
    assert "data:image/jpeg" not in page
    assert "<img" not in page
    assert "A private report shows no images" in page
    assert re.search(r"[0-9a-f]{16}\.png was pinned in\.", page)


def test_missing_pieces_leave_one_line_each(content: ReportContent, tmp_path: Path) -> None:
    result = write_report(tmp_path / "r.html", ReportContent(dataset=content.dataset))
    text = " ".join(Page(result.page.read_text()).text.split())
    for line in ("No coreset was selected.", "Networks were not trained", "No features were extracted.",
                 "No clusters were computed.", "The settings were not recorded.", "were not divided"):  # fmt: skip
        assert line in text
    assert {file.stem for file in result.tables} == {"classes", "skipped", "versions"}


def test_an_unwritable_report_is_a_sentence_and_leaves_the_old_one(content: ReportContent, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        write_report(tmp_path / "file" / "r.html", ReportContent(dataset=content.dataset))
    (tmp_path / "r.html").write_text("old")
    (tmp_path / "tables").write_text("in the way")
    with pytest.raises(ExportError, match="cannot be written"):
        write_report(tmp_path / "r.html", ReportContent(dataset=content.dataset))
    assert (tmp_path / "r.html").read_text() == "old"


def test_a_report_can_be_cancelled(content: ReportContent, tmp_path: Path) -> None:
    class Stop:
        def report(self, done: int, total: int, message: str = "") -> None:
            if done == 2:
                raise CancelledError

        def publish(self, result: object) -> None:
            raise AssertionError(result)

    with pytest.raises(CancelledError):
        write_report(tmp_path / "r.html", ReportContent(dataset=content.dataset), progress=Stop())
    assert not (tmp_path / "r.html").exists()
    assert not (tmp_path / "tables").exists()


def test_an_image_that_is_gone_is_left_out(make_case, tmp_path: Path) -> None:
    dataset = make_case({f"a/{n}.png": "a" for n in range(4)}).dataset
    (dataset.root / "a/0.png").unlink()
    assert write_report(tmp_path / "r.html", ReportContent(dataset=dataset)).page.read_text().count("<img") == 3


def test_words_about_a_coreset(content: ReportContent) -> None:
    assert coreset_words(content) == (
        "Intelligent (IS) selected 6 of 12 images of the pool (50 %), class budgets: proportional; each of the 4 "
        "clusters is covered."
    )
    missed = (replace(content.shares[0], chosen=content.shares[0].chosen * 0), *content.shares[1:])
    assert coreset_words(replace(content, shares=missed)).endswith("; 2 of 4 clusters are not covered.")
    assert coreset_words(replace(content, shares=())).endswith("(50 %), class budgets: proportional.")


def test_words_about_structure(content: ReportContent) -> None:
    clear = replace(content.clusters[0], silhouettes=content.clusters[0].silhouettes * 0 + 0.6)
    assert structure_summary(content.clusters).startswith("In none of the 2 classes")
    assert structure_summary((clear, content.clusters[1])).startswith("In 1 of 2 classes")
    assert structure_summary((clear, clear)).startswith("In all 2 classes the silhouette shows at least weak")


def test_the_headline_takes_the_coresets_sampler_and_nearest_fraction(content: ReportContent) -> None:
    sentences = headline(content.comparison, content.coreset)
    assert len(sentences) == 3
    assert sentences[0].startswith("Test accuracy of the custom network with 50 % of the pool: Intelligent (IS) ")
    quarter = headline(content.comparison, None)
    assert quarter[0].endswith("custom: no difference shown.")
    assert quarter[1].endswith("transfer: shown.")
    assert remarks(content.comparison) == ("Keep in mind.",)


def test_notes_stand_with_the_remarks_and_alone(content: ReportContent, tmp_path: Path) -> None:
    note = "1 stored run could not be read (file x.json: why); it is trained again when required."
    comparison = replace(content.comparison, sentences=(*content.comparison.sentences, note), notes=(note,))
    assert remarks(comparison) == ("Keep in mind.", note)
    without = replace(comparison, differences=())
    assert remarks(without) == (note,)
    for each in (comparison, without):
        page = write_report(tmp_path / "r.html", replace(content, comparison=each)).page.read_text(encoding="utf-8")
        assert note in page.partition("In words")[0]


@pytest.mark.slow
def test_a_comparison_stopped_early_and_without_validation(content: ReportContent, tmp_path: Path) -> None:
    """One network has only everything, no epoch has validation, one class has no test images."""
    nan = float("nan")
    whole = content.comparison
    runs = []
    for run in whole.runs:
        if run.key.network == "transfer" and run.key.sampler != "everything":
            continue
        history = tuple(replace(e, validation_loss=nan, validation_accuracy=nan) for e in run.history)
        empty = {**run.metrics.class_recall, "neu": nan}
        metrics = replace(run.metrics, class_precision=empty, class_recall=empty, class_f1=empty)
        runs.append(replace(run, history=history, metrics=metrics))
    rows = tuple(row for row in whole.rows if row.network != "transfer" or row.sampler == "everything")
    bare = replace(rows[0], lows={}, highs={})
    comparison = replace(whole, runs=tuple(runs), rows=(bare, *rows[1:]), differences=(), sentences=())
    lonely = tuple(
        replace(each, labels=each.labels * 0, medoids=each.medoids[:1], silhouettes=each.silhouettes * 0, curve={},
                chosen_by="only")
        for each in content.clusters
    )  # fmt: skip
    result = write_report(tmp_path / "r.html", replace(content, comparison=comparison, clusters=lonely, shares=()))
    text = " ".join(Page(result.page.read_text()).text.split())
    assert "Test accuracy of the transfer" not in text
    assert "one cluster" in text
    assert "nan" not in text.lower().replace("nano", "")


@pytest.mark.parametrize("network", ["custom", "head"])
def test_a_comparison_of_everything_alone(content: ReportContent, tmp_path: Path, network: str) -> None:
    rows = tuple(r for r in content.comparison.rows if (r.network, r.sampler) == (network, "everything"))
    runs = tuple(r for r in content.comparison.runs if (r.key.network, r.key.sampler) == (network, "everything"))
    comparison = replace(content.comparison, rows=rows, runs=runs, differences=(), sentences=())
    result = write_report(tmp_path / "r.html", ReportContent(dataset=content.dataset, comparison=comparison))
    assert "confusion" in {file.stem for file in result.tables}


def test_one_group_of_copies_is_not_counted_in_the_plural() -> None:
    pair, three = Duplicates((0, 1), conflicting=False), Duplicates((2, 3, 4), conflicting=True)
    assert duplicates_words([pair]) == "1 group of images has the same pixels (1 copy too many)."
    assert duplicates_words([three]) == (
        "1 group of images has the same pixels (2 copies too many); it has two labels, one of which must be wrong."
    )
    assert duplicates_words([pair, three]) == (
        "2 groups of images have the same pixels (3 copies too many); "
        "1 of them has two labels, one of which must be wrong."
    )


@pytest.mark.slow
def test_a_comparison_over_splits_says_so_and_draws_a_point_a_fraction(content: ReportContent, tmp_path: Path) -> None:
    comparison = content.comparison
    assert comparison is not None
    # The second split's pool has an image more, as pools of grouped images may.
    runs = tuple(
        replace(
            run,
            n_images=run.n_images + run.key.repetition,
            key=replace(run.key, split=run.key.repetition, repetition=0),
        )
        for run in comparison.runs
    )
    rows = tuple(replace(row, n_splits=2) for row in comparison.rows)
    differences = tuple(replace(each, n_splits=2) for each in comparison.differences)
    over = replace(comparison, runs=runs, rows=rows, differences=differences)
    page = write_report(tmp_path / "report.html", replace(content, comparison=over)).page.read_text(encoding="utf-8")
    assert "2 splits, 1 repetition each of each row. In each split all rows have the same test images" in page
    assert "95 % intervals over 2 splits" in page
    assert "Splits needed" in page
    assert "summed over splits and repetitions" in page
    assert "One repetition is not enough" not in page
    lines = (tmp_path / "tables" / "runs.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("network,sampler,fraction,images,split,repetition")
    axes = training_time(over, "custom").axes[0]
    assert max(len(line.get_xdata()) for line in axes.lines) == len({row.fraction for row in rows})
