import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.colors import to_hex

from coreset_studio.core.errors import ExportError
from coreset_studio.core.output import figures, training_figures
from coreset_studio.core.output.content import ReportContent
from coreset_studio.core.output.drawing import MEDOID, new_figure, save_figure, svg_for_page
from coreset_studio.core.palette import cluster_mark, sampler_mark


def bar_colours(axes) -> set[str]:
    return {to_hex(bar.get_facecolor()).upper() for bar in axes.patches}


def test_the_histogram_counts_every_image(content: ReportContent) -> None:
    axes = figures.class_histogram(content.dataset, content.split).axes[0]
    total = sum(bar.get_width() for bar in axes.patches)
    assert total == len(content.dataset.images) + len(content.split.left_out)
    assert [text.get_text() for text in axes.get_yticklabels()] == list(content.dataset.classes)


def test_what_each_cluster_gives_is_what_was_counted(content: ReportContent) -> None:
    figure = figures.cluster_take(content.shares, "intelligent")
    for axes, share in zip(figure.axes, content.shares, strict=True):
        heights = [bar.get_height() for bar in axes.patches]
        assert heights == [*share.random, *share.chosen]
        assert bar_colours(axes) == {sampler_mark("random").colour.upper(), sampler_mark("intelligent").colour.upper()}


def test_medoids_are_black_and_clusters_have_their_colours(content: ReportContent) -> None:
    figure = figures.cluster_scatter(content.embeddings, content.clusters)
    for axes, clusters, embedding in zip(figure.axes, content.clusters, content.embeddings, strict=True):
        *groups, stars = axes.collections
        assert [to_hex(group.get_facecolor()[0]).upper() for group in groups] == [
            cluster_mark(cluster).colour.upper() for cluster in range(clusters.k)
        ]
        assert to_hex(stars.get_facecolor()[0]) == MEDOID
        rows = np.searchsorted(clusters.indices, clusters.medoids)
        assert np.allclose(stars.get_offsets(), embedding.embedding[rows][:, :2])


def test_a_class_of_one_component_can_be_drawn(content: ReportContent) -> None:
    flat = tuple(replace(each, embedding=each.embedding[:, :1]) for each in content.embeddings)
    assert len(figures.cluster_scatter(flat, content.clusters).axes) == len(flat)


def test_cluster_sizes_and_silhouettes(content: ReportContent) -> None:
    sizes = figures.cluster_sizes(content.clusters)
    assert [bar.get_height() for bar in sizes.axes[0].patches] == list(content.clusters[0].sizes)
    lines = figures.silhouette_curves(content.clusters).axes[0].lines
    curve = content.clusters[0].curve
    assert list(lines[0].get_ydata()) == [curve[k] for k in sorted(curve)]
    assert list(lines[1].get_xdata()) == [content.clusters[0].k]


def test_explained_variance_rises_to_one(content: ReportContent) -> None:
    figure = figures.explained_variance(content.embeddings, 0.95)
    assert len(figure.axes) == len(content.embeddings[0].views)
    assert figure.axes[0].lines[0].get_ydata()[-1] == pytest.approx(1)


def test_accuracy_by_share_has_the_means_of_the_rows(content: ReportContent) -> None:
    comparison = content.comparison
    figure = training_figures.accuracy_with_intervals(comparison)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["custom", "transfer", "head"]
    drawn = {c.get_label(): c.lines[0].get_ydata() for c in figure.axes[0].containers}
    means = [
        row.means["accuracy"] for row in comparison.rows if (row.network, row.sampler) == ("custom", "intelligent")
    ]
    assert list(drawn["Intelligent (IS)"]) == means


def test_the_papers_rows_are_everything_and_a_quarter(content: ReportContent) -> None:
    rows = training_figures.paper_rows(content.comparison, "custom")
    assert [(row.sampler, row.fraction) for row in rows] == [
        ("everything", 1.0), ("random", 0.25), ("stratified", 0.25), ("intelligent", 0.25),
        ("matched:intelligent", 0.25),
    ]  # fmt: skip
    axes = training_figures.quality_bars(content.comparison, "custom").axes[0]
    assert len(axes.patches) == 3 * len(rows)


def test_time_and_accuracy_by_size(content: ReportContent) -> None:
    time = training_figures.training_time(content.comparison, "custom")
    assert [axes.get_title(loc="left") for axes in time.axes] == ["custom: total", "custom: per epoch"]
    assert len(training_figures.training_time(content.comparison, "head").axes) == 1
    figure = training_figures.accuracy_by_size(content.comparison, "custom", ("random", "intelligent"))
    training, validation = figure.axes[1].lines[:2]
    assert (training.get_label(), validation.get_label()) == ("training", "validation")
    assert list(validation.get_ydata()) == pytest.approx([0.5, 0.5, 0.5])


def test_confusion_is_summed_over_repetitions(content: ReportContent) -> None:
    runs = content.comparison.runs[:2]
    axes = training_figures.confusion_matrices([("Whole pool", runs)]).axes[0]
    shown = sum(int(text.get_text()) for text in axes.texts)
    assert shown == sum(int(run.metrics.confusion.sum()) for run in runs)


def test_a_panel_of_curves_for_each_row(content: ReportContent) -> None:
    assert len(training_figures.training_curves(content.comparison, "custom").axes) == 6


def test_an_svg_is_well_formed_and_follows_the_page(content: ReportContent) -> None:
    figure = figures.cluster_scatter(content.embeddings, content.clusters)
    svg = svg_for_page(figure, "f7", 'Clusters of "a" & <b>')
    root = ET.fromstring(svg)
    assert root.attrib["aria-label"] == 'Clusters of "a" & <b>'
    assert "var(--ink)" in svg
    assert "var(--medoid)" in svg
    assert all(name.startswith("f7-") for name in re.findall(r'\bid="([^"]+)"', svg))
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    assert set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg)) <= ids
    assert svg == svg_for_page(
        figures.cluster_scatter(content.embeddings, content.clusters), "f7", 'Clusters of "a" & <b>'
    )


def test_class_names_are_text_never_formulas_or_markup(make_case) -> None:
    case = make_case({f"{name}/{n}.png": name for name in ("$x^2$", "<b>&") for n in range(3)})
    figure = figures.class_histogram(case.dataset, case.split)
    svg = svg_for_page(figure, "f1", "x")
    assert "$x^2$" in svg
    assert "&lt;b&gt;&amp;" in svg


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_a_figure_is_written(content: ReportContent, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"figure{suffix}"
    save_figure(figures.class_histogram(content.dataset), file)
    assert file.stat().st_size > 1000


def test_a_figure_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"name it \.svg"):
        save_figure(new_figure(2, 2), tmp_path / "figure.docx")


@pytest.mark.slow
def test_figures_leave_no_global_state_and_no_import(content: ReportContent) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figures.class_histogram(content.dataset)
    assert dict(mpl.rcParams) == before
    code = "import sys, coreset_studio.core.output.report\n"
    code += "print([n for n in sys.modules if n in ('matplotlib', 'tensorflow', 'jinja2')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_sampler_of_the_registry_has_a_colour_of_its_own() -> None:
    from coreset_studio.core.selection.samplers import SAMPLERS

    names = [*SAMPLERS, "matched", "everything"]
    marks = [sampler_mark(name) for name in names]
    assert len({mark.colour for mark in marks}) == len(names)
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for mark in marks for colour in (mark.colour, mark.dark))
    assert sampler_mark("matched:balanced-herding").colour == sampler_mark("matched").colour
    assert sampler_mark("matched:balanced-herding").title == "Matched (Balanced herding)"
    assert sampler_mark("somebody's own").title == "somebody's own"
