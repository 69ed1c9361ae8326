"""Render every widget in light and dark with synthetic data: `python -m benchmarks.gallery --out FOLDER`."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

if "--screen" not in sys.argv:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QRadialGradient
from PySide6.QtWidgets import QApplication, QCheckBox, QPushButton, QVBoxLayout, QWidget

from coreset_studio.core.results import Epoch, Row, Skipped
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.class_model import ClassCount
from coreset_studio.desktop_app.models.thumbnail_model import Thumbnail
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.widgets.bar_pairs import BarPairs, Taken
from coreset_studio.desktop_app.widgets.card import Card, Sheet
from coreset_studio.desktop_app.widgets.class_histogram import ClassHistogram
from coreset_studio.desktop_app.widgets.cluster_bars import ClusterBars
from coreset_studio.desktop_app.widgets.confusion_matrix import ConfusionMatrix
from coreset_studio.desktop_app.widgets.duplicates_table import Copy, DuplicatesTable
from coreset_studio.desktop_app.widgets.empty_state import EmptyState
from coreset_studio.desktop_app.widgets.fraction_control import FractionControl
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer
from coreset_studio.desktop_app.widgets.job_bar import JobBar
from coreset_studio.desktop_app.widgets.line_with_intervals import Level, Line, LineWithIntervals
from coreset_studio.desktop_app.widgets.medoid_strip import Medoid, MedoidStrip
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.metric_bars import Configuration, MetricBars
from coreset_studio.desktop_app.widgets.pattern_field import PatternField
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
from coreset_studio.desktop_app.widgets.results_table import ResultsTable
from coreset_studio.desktop_app.widgets.sample_strip import SampleStrip
from coreset_studio.desktop_app.widgets.scatter import Scatter, component_label
from coreset_studio.desktop_app.widgets.silhouette_curve import SilhouetteCurve
from coreset_studio.desktop_app.widgets.skipped_table import SkippedTable
from coreset_studio.desktop_app.widgets.small_multiples import ClassPlot, SmallMultiples
from coreset_studio.desktop_app.widgets.step_list import StepList
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.training_curves import TrainingCurves
from coreset_studio.desktop_app.widgets.variance_curve import VarianceCurve

CLASSES = (
    ("basophil", 852), ("eosinophil", 2182), ("erythroblast", 1086), ("ig", 2026),
    ("lymphocyte", 850), ("monocyte", 994), ("neutrophil", 2331), ("platelet", 1643),
)  # fmt: skip
SAMPLERS = ("random", "stratified", "intelligent", "balanced-herding")


def draw_cell(file: Path, seed: int) -> None:
    """Draw something like a stained cell."""
    rng = np.random.default_rng(seed)
    image = QImage(128, 128, QImage.Format.Format_RGB32)
    image.fill(QColor(244, 226, 218))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    for _ in range(5):
        painter.setBrush(QColor(226, 172, 168))
        painter.drawEllipse(QPointF(*rng.uniform(0, 128, 2)), 20, 20)
    hue = int(rng.integers(255, 300))
    glow = QRadialGradient(QPointF(64, 64), 40)
    glow.setColorAt(0, QColor.fromHsv(hue, 90, 215))
    glow.setColorAt(1, QColor.fromHsv(hue, 60, 235))
    painter.setBrush(glow)
    painter.drawEllipse(QPointF(64, 64), *rng.uniform(32, 44, 2))
    for _ in range(int(rng.integers(1, 5))):
        painter.setBrush(QColor.fromHsv(hue, 170, 120))
        painter.drawEllipse(QPointF(*(64 + rng.normal(0, 11, 2))), *rng.uniform(9, 17, 2))
    painter.end()
    image.save(str(file))


class Gallery:
    """Synthetic data for every widget."""

    def __init__(self, folder: Path) -> None:
        self.rng = np.random.default_rng(0)
        self.files = []
        (folder / "cells").mkdir(parents=True, exist_ok=True)
        for seed in range(60):
            file = folder / "cells" / f"{seed:03}.png"
            draw_cell(file, seed)
            self.files.append(str(file))

    def thumbnails(self, n: int, *, clusters: bool = False) -> list[Thumbnail]:
        return [
            Thumbnail(
                key,
                self.files[key % 60] if key != 7 else "/nowhere.png",
                f"ig/IG_{key:06}.jpg",
                key % 4 if clusters else -1,
            )
            for key in range(n)
        ]  # fmt: skip

    def blobs(self, n: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        labels = np.sort(self.rng.choice(k, n, p=np.arange(k, 0, -1) / np.arange(1, k + 1).sum()))
        centres = self.rng.normal(0, 3.2, (k, 2))
        points = centres[labels] + self.rng.normal(0, 1, (n, 2))
        medoids = np.array(
            [np.flatnonzero(labels == c)[np.argmin(((points[labels == c] - centres[c]) ** 2).sum(1))] for c in range(k)]
        )
        return points, labels.astype(np.int64), medoids.astype(np.int64)

    def frame(self) -> QWidget:
        steps = StepList(["Dataset", "Features", "Clusters", "Coreset", "Compare"])
        for position, state in enumerate(("done", "done", "stale", "running", "ready")):
            steps.set_state(position, state)
        steps.set_current(2)
        steps.set_available(4, False, "Choose a coreset first.")
        steps.setFixedHeight(200)
        running, done = JobBar(), JobBar()
        running.show_progress("Clustering eosinophil · 3 of 8 classes", 3, 8, 42)
        done.show_message("8 classes clustered in 3 min 2 s.", "Choose a coreset")
        return column(steps, running, done)

    def messages(self) -> QWidget:
        strips = []
        for kind, text in {
            "info": "Computed with random weights: an untrained backbone. Results say so.",
            "good": "479 images exported and verified in 4 s.",
            "warning": "3 images stand under two classes. They stay in the dataset until you choose which to keep.",
            "bad": "The folder is gone. It was expected at /data/pbc; choose where it is now.",
        }.items():
            strip = MessageStrip()
            strip.show_message(kind, text, "Show them" if kind == "warning" else "")  # type: ignore[arg-type]
            strips.append(strip)
        empty = EmptyState("images", "The images of your dataset will stand here, class by class.", "Choose a folder")
        card = Card(
            "Clear", "A silhouette says how much closer an image is to its own cluster. It is between -1 and 1."
        )
        card.set_note("0 images")
        card.add(empty)
        return column(*strips, card)

    def controls(self) -> QWidget:
        fraction = FractionControl()
        fraction.set_pool(9571)
        fraction.set_fraction(0.05)
        off = FractionControl()
        pattern = PatternField()
        pattern.set_pattern(r"(P\d+)_")
        pattern.set_preview([(f"ig/P{n // 3:02}_{n}.png", f"P{n // 3:02}" if n != 4 else "") for n in range(14)])
        primary = QPushButton("Run")
        primary.setProperty("primary", True)
        disabled = QPushButton("Run")
        disabled.setProperty("primary", True)
        disabled.setEnabled(False)
        card = Card(
            "Size", "The pool is what is left of the training images without the validation images. Percent is of it."
        )
        card.add(fraction)
        card.add(off)
        card.add(QCheckBox("At least one image of each class"))
        return column(card, primary, disabled, QPushButton("Export"), pattern)

    def dataset(self) -> QWidget:
        histogram = ClassHistogram()
        histogram.set_classes([ClassCount(name, n, "360 × 363") for name, n in CLASSES], ["ig"])
        histogram.setMinimumHeight(histogram.sizeHint().height())
        samples = SampleStrip()
        samples.set_samples({name: self.thumbnails(14) for name, _ in CLASSES[:4]})
        samples.setMinimumHeight(320)
        first, second = Card("Images per class"), Card("Sample images")
        first.add_tool(PlotExportButton(histogram))
        first.add(histogram)
        second.add(samples)
        return column(first, second)

    def tables(self) -> QWidget:
        skipped = SkippedTable()
        skipped.set_rows(
            [
                Skipped("neutrophil/.DS_169665.jpg", "This is no image, although its name says JPEG."),
                Skipped("ig/IG_2.tif", "The file ends after 12,044 of 90,112 bytes; copy it again."),
            ]
        )
        duplicates = DuplicatesTable()
        duplicates.set_copies(
            [
                Copy(0, 12, "eosinophil/EO_225902.jpg", "eosinophil", True, True),
                Copy(0, 40, "neutrophil/BNE_191112.jpg", "neutrophil", True, True),
                Copy(1, 50, "ig/IG_1.jpg", "ig", False, True),
                Copy(1, 51, "ig/IG_9.jpg", "ig", False, False),
            ]
        )
        results = ResultsTable()
        results.set_rows([self.row(s, f) for s in SAMPLERS for f in (0.05, 0.25)] + [self.row("everything", 1.0)])
        results.selectRow(2)
        return column(skipped, duplicates, results)

    def row(self, sampler: str, fraction: float) -> Row:
        base = 0.8 + 0.12 * fraction**0.5 + 0.01 * SAMPLERS.index(sampler) if sampler in SAMPLERS else 0.93
        names = ("accuracy", "precision", "recall", "f1", "balanced_accuracy", "worst_class_recall")
        means = {name: base - 0.02 * i for i, name in enumerate(names)} | {"worst_cluster_recall": float("nan")}
        return Row(
            "custom", sampler, fraction, round(9571 * fraction), 5, means,
            {n: m - 0.012 for n, m in means.items()}, {n: m + 0.012 for n, m in means.items()},
            12.4, 340 * fraction, None if sampler == "random" else 3,
        )  # fmt: skip

    def scatter(self) -> QWidget:
        points, labels, medoids = self.blobs(2331, 4)
        scatter = Scatter()
        scatter.set_points(points, labels, medoids, component_label(0, 0.123), component_label(1, 0.071))
        scatter.set_chosen(np.arange(0, 2331, 40))
        scatter.set_current(17)
        scatter.setMinimumHeight(380)
        card = Card("Neutrophil")
        card.add_tool(PlotExportButton(scatter))
        card.add(scatter)
        return column(card)

    def selected(self) -> QWidget:
        points, labels, medoids = self.blobs(17_000, 10)
        scatter = Scatter()
        scatter.set_points(points, labels, medoids, component_label(0, 0.123), component_label(1, 0.071))
        scatter.set_selection(np.flatnonzero(points[:, 0] > 3))
        scatter.setMinimumHeight(380)
        empty = Scatter()
        empty.setMinimumHeight(120)
        return column(scatter, empty)

    def clusters(self) -> QWidget:
        curve = SilhouetteCurve()
        curve.set_curve(
            dict(zip(range(2, 11), (0.048, 0.041, 0.052, 0.03, 0.02, 0.022, 0.018, 0.01, 0.008), strict=True)),
            3,
        )
        strong = SilhouetteCurve()
        strong.set_curve({2: 0.41, 3: 0.62, 4: 0.55, 5: 0.5}, 3)
        none = SilhouetteCurve()
        none.set_curve({}, 1, "Two images: one cluster, and no silhouette.")
        for plot in (curve, strong, none):
            plot.setMinimumHeight(190)
        bars = ClusterBars()
        bars.set_sizes((1021, 740, 402, 168))
        bars.set_chosen(1)
        medoids = MedoidStrip()
        medoids.set_medoids(
            [Medoid(n, self.files[n], f"n/{n}.jpg", s, s / 2331) for n, s in enumerate((1021, 740, 402, 168))]
        )
        medoids.set_cluster(1)
        return column(curve, strong, none, bars, medoids)

    def multiples(self) -> QWidget:
        tiles = SmallMultiples(4)
        tiles.set_classes([ClassPlot(name, *self.blobs(n, 3)[:2], 3, n, "0.05") for name, n in CLASSES])
        tiles.set_chosen("erythroblast")
        return column(tiles)

    def grid(self) -> QWidget:
        grid = ThumbnailGrid()
        grid.set_images(self.thumbnails(17_092, clusters=True))
        grid.set_badges(selected=range(0, 80, 3), medoids=[4, 9], pinned_in=[0], pinned_out=[2], highlighted=[13, 14])
        grid.set_selected_keys([5, 6])
        grid.setMinimumHeight(420)
        return column(grid)

    def pairs(self) -> QWidget:
        pairs = BarPairs()
        sizes = (720, 310, 110)
        pairs.set_taken(
            [Taken(n, c, s, 16, round(48 * s / 1140)) for n, _ in CLASSES[:4] for c, s in enumerate(sizes)],
            "intelligent",
        )
        pairs.setMinimumHeight(480)
        card = Card("Taken from each cluster")
        card.add(pairs)
        return column(card, BarPairs())

    def metrics(self) -> QWidget:
        bars = MetricBars()
        rows = [self.row("everything", 1.0), self.row("random", 0.25), self.row("intelligent", 0.25)]
        bars.set_configurations(
            [Configuration(f"{100 * r.fraction:.0f} % {r.sampler}", r.sampler, r.means, r.lows, r.highs) for r in rows],
            {"precision": "Precision", "recall": "Recall", "f1": "F1"},
        )
        return column(bars)

    def lines(self) -> QWidget:
        fractions = (0.01, 0.02, 0.05, 0.1, 0.25)
        lines = []
        for number, name in enumerate(SAMPLERS):
            means = np.array([0.79, 0.84, 0.88, 0.905, 0.92]) + 0.008 * number
            lines.append(Line(name, fractions, means.tolist(), (means - 0.012).tolist(), (means + 0.012).tolist()))
        plot = LineWithIntervals()
        plot.set_lines(lines, Level(0.943, 0.94, 0.946))
        empty = LineWithIntervals()
        for one in (plot, empty):
            one.setMinimumHeight(300)
        return column(plot, empty)

    def training(self) -> QWidget:
        curves = TrainingCurves()
        t = np.arange(1, 18)
        curves.set_history(
            [
                Epoch(
                    int(n),
                    2 * np.exp(-n / 5),
                    1 - 0.8 * np.exp(-n / 5),
                    2 * np.exp(-n / 6) + 0.1,
                    0.95 - 0.8 * np.exp(-n / 5),
                    0.002,
                    4.1,
                )
                for n in t
            ],
            25,
            14,
        )
        variance = VarianceCurve()
        variance.set_explained(
            {
                name: np.exp(-np.arange(n) / (60 + 20 * i)) / np.exp(-np.arange(n) / (60 + 20 * i)).sum()
                for i, (name, n) in enumerate(CLASSES)
            },
            0.95,
        )
        for one in (curves, variance):
            one.setMinimumHeight(280)
        return column(curves, variance)

    def confusion(self) -> QWidget:
        matrix = ConfusionMatrix()
        counts = self.rng.integers(0, 9, (8, 8)) + np.diag(self.rng.integers(200, 1200, 8))
        counts[2, 5] = 310
        counts[4, 1] = 0
        matrix.set_counts([name for name, _ in CLASSES], counts)
        matrix.setMinimumHeight(460)
        return column(matrix)

    def viewer(self) -> QWidget:
        viewer = ImageViewer()
        viewer.show_image(
            self.files[3],
            "neutrophil/BNE_727973_a_rather_long_file_name_of_a_patient.jpg",
            [("Class", "neutrophil"), ("Cluster", "2 of 4"), ("Size", "360 × 363"), ("Set", "pool, in the coreset")],
            count=340,
        )
        return viewer

    def sheet(self) -> QWidget:
        sheet = Sheet(
            "Export the coreset", "479 images are copied to a new folder, with lists and a manifest.", "Export"
        )
        sheet.add(QCheckBox("Leave out names of files (private)"))
        sheet.set_problem("The folder is not empty. Choose another, or one that does not exist yet.")
        return sheet


def column(*widgets: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(*[theme.UNIT * 2] * 4)
    layout.setSpacing(theme.UNIT * 2)
    for widget in widgets:
        layout.addWidget(widget)
    return page


def render(app: QApplication, name: str, make: Callable[[], QWidget], folder: Path, width: int) -> None:
    widget = make()
    widget.resize(max(width, widget.minimumSizeHint().width()), widget.sizeHint().height())
    widget.show()
    for mode in ("light", "dark"):
        theme.apply(app, mode)  # type: ignore[arg-type]
        for _ in range(60):
            app.processEvents()
            if not shared_store().n_pending and _ > 5:
                break
            shared_store()._pool.waitForDone(20)  # noqa: SLF001
        widget.grab().save(str(folder / f"{name}-{mode}.png"))
    widget.close()
    widget.deleteLater()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--width", type=int, default=900)
    parser.add_argument("--only", default="")
    parser.add_argument("--screen", action="store_true", help="on the real screen instead of offscreen")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    app = QApplication(sys.argv[:1])
    theme.apply(app, "light")
    gallery = Gallery(options.out)
    names = [
        name for name, value in vars(Gallery).items() if callable(value) and not name.startswith("_")
        and name not in ("thumbnails", "blobs", "row")
    ]  # fmt: skip
    for name in names:
        if options.only in name:
            render(app, name, getattr(gallery, name), options.out, options.width)
            print(f"{name}: light and dark in {options.out}")


if __name__ == "__main__":
    main()
