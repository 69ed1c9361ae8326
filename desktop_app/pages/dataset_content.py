"""The content of the Dataset page: class histogram, sample images, facts, and the findings below."""

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.settings import DataSettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.class_model import ClassCount
from coreset_studio.desktop_app.models.thumbnail_model import Thumbnail
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.class_histogram import ClassHistogram
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
from coreset_studio.desktop_app.widgets.sample_strip import SampleStrip

SAMPLES = 12


READING = "How the images were read…"
READING_TIP = "Check the columns, folders, grey levels and pages that were read, and change them"


class DatasetContent(QWidget):
    """Facts in one line, warnings, histogram next to sample images, findings below.

    Signals
    -------
    opened : (int, object)
        An image to be shown large, and the list of those that can be stepped through.
    reading_requested : ()
        The user asks how the images were read.
    """

    opened = Signal(int, object)
    reading_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary: DatasetSummary | None = None
        self.facts = QLabel()
        self.facts.setFont(theme.strong_font())
        self.facts.setWordWrap(True)
        self.reading = QPushButton(READING)
        self.reading.setToolTip(READING_TIP)
        self.reading.setAccessibleDescription(READING_TIP)
        self.reading.clicked.connect(self.reading_requested)
        self.warning = MessageStrip()
        self.warning.action_triggered.connect(self.reading_requested)
        self.histogram = ClassHistogram()
        self.samples = SampleStrip()
        self.samples.opened.connect(self.open_image)
        self.samples.preview_requested.connect(self.open_image)
        left = Card("Images of each class", "Clear a checkbox to exclude the class.")
        left.add(self.histogram, 1)
        left.add_tool(PlotExportButton(self.histogram))
        right = Card("Sample images")
        right.add(self.samples, 1)
        right.add_tool(PlotExportButton(self.samples))
        beside = QWidget()
        row = QHBoxLayout(beside)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT)
        row.addWidget(left, 1)
        row.addWidget(right, 1)
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(beside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT)
        head = QHBoxLayout()
        head.setSpacing(theme.UNIT)
        head.addWidget(self.facts, 1)
        head.addWidget(self.reading, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        column.addWidget(self.warning)
        column.addWidget(self._split, 1)

    def add_findings(self, findings: QWidget) -> None:
        """Put the findings below."""
        self._split.addWidget(findings)
        self._split.setStretchFactor(0, 2)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([theme.UNIT * 55, theme.UNIT * 26])

    def forget(self) -> None:
        """Show no images."""
        self._summary = None
        self.histogram.set_classes(())
        self.samples.set_samples({})
        self.facts.clear()
        self.warning.clear()

    def show_summary(self, summary: DatasetSummary, settings: DataSettings) -> None:
        """Show a scanned dataset."""
        shown, self._summary = self._summary, summary
        dataset, split = summary.dataset, summary.split
        counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
        in_pool = np.bincount(dataset.labels[split.pool], minlength=len(dataset.classes))
        row = self.histogram.currentIndex().row()
        self.histogram.set_classes(
            [
                ClassCount(name, int(n), f"pool {int(pool):,}")
                for name, n, pool in zip(dataset.classes, counts, in_pool, strict=True)
            ],
            settings.left_out_classes,
        )
        if row >= 0:  # so that the keyboard can go on where it was
            self.histogram.setCurrentIndex(self.histogram.classes.index(row, 0))
        if summary is not shown:
            names = dataset.classes
            self.samples.set_samples({name: self._samples_of(position) for position, name in enumerate(names)})
        self.facts.setText(_facts(summary))
        warnings = summary.notes
        if warnings:
            more = f" ({len(warnings) - 1} more under Notes)" if len(warnings) > 1 else ""
            action = ("Check…", READING_TIP) if summary.is_guessed(settings) else ("", "")
            self.warning.show_message("warning", warnings[0] + more, *action)
        else:
            self.warning.clear()

    def _samples_of(self, position: int) -> list[Thumbnail]:
        """Return images spread evenly over a class, the same ones every time."""
        if self._summary is None:
            return []
        members = np.flatnonzero(self._summary.dataset.labels == position)
        taken = members[np.unique(np.linspace(0, len(members) - 1, min(SAMPLES, len(members))).astype(np.int64))]
        return [self._thumbnail(int(index)) for index in taken]

    def _thumbnail(self, index: int) -> Thumbnail:
        summary = self._summary
        if summary is None:
            return Thumbnail(index, "", "")
        return Thumbnail(index, str(summary.thumbnail(index)), summary.dataset.images[index].path)

    def open_image(self, index: int) -> None:
        """Ask for one image, large, in the list of its class."""
        if self._summary is not None:
            labels = self._summary.dataset.labels
            self.opened.emit(index, np.flatnonzero(labels == labels[index]).tolist())


def facts_of(summary: DatasetSummary, index: int) -> list[tuple[str, str]]:
    """Return what is known of an image, for the viewer."""
    image = summary.dataset.images[index]
    return [
        ("Class", image.class_name),
        ("Set", _set_of(summary, index)),
        ("Size", f"{image.width} × {image.height} pixels, {image.n_bytes / 1000:,.0f} kB"),
        *([("Group", image.group)] if image.group else []),
        ("SHA-256", image.file[:16] + "…"),
    ]


def _set_of(summary: DatasetSummary, index: int) -> str:
    for name in ("pool", "validation", "test"):
        if index in getattr(summary.split, name):
            return name
    return next((left.reason for left in summary.split.left_out if left.index == index), "not in any set")


def _facts(summary: DatasetSummary) -> str:
    dataset, split = summary.dataset, summary.split
    sizes = np.unique(dataset.sizes @ (1, 1 << 32))
    size = "{}×{}".format(*dataset.sizes[0]) if len(sizes) == 1 else f"{len(sizes):,} sizes"
    parts = [
        summary.words,
        size,
        f"{len(split.pool):,} in the pool, {len(split.validation):,} validation, {len(split.test):,} test",
    ]
    if split.is_predefined:
        parts.append("predefined split")
    return "  ·  ".join(parts)
