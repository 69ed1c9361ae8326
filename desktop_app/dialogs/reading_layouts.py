"""The layouts that a folder can be read by, each with what it gives."""

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QLabel

from coreset_studio.core.descriptions import choices_of
from coreset_studio.core.results import LayoutFacts
from coreset_studio.core.service.reading_requests import PreviewLayouts
from coreset_studio.core.settings import DataSettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.reading_tab import ReadingTab, counts_words
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import count, images, set_tone

AUTO = "auto"
SENTENCE = "Choose what the levels of the folder tree represent. Every row shows what a layout would give."


class LayoutsTab(ReadingTab):
    """The layouts of a folder; the selected row is used."""

    title = "Folders"

    def __init__(self, source: Path, settings: DataSettings, service: EngineService) -> None:
        super().__init__(service)
        self._source, self._settings, self._layout = source, settings, settings.layout
        self._titles = dict(choices_of(DataSettings))["layout"].values
        self._facts: tuple[LayoutFacts, ...] = ()
        words = QLabel(SENTENCE)
        words.setWordWrap(True)
        set_tone(words, "muted")
        self.table = Table(
            "Layouts",
            [
                Column("Layout", self._title),
                Column("Images", lambda one: count(one.n_images), lambda one: one.n_images, numeric=True),
                Column("Classes", lambda one: count(len(one.classes)), lambda one: len(one.classes), numeric=True),
                Column("Groups", lambda one: count(one.n_groups) if one.n_groups else "–", lambda one: one.n_groups,
                       numeric=True),
                Column("Sets", lambda one: ", ".join(name for name, _ in one.splits) or "–", may_go=1),
            ],
        )  # fmt: skip
        self.table.setSelectionMode(Table.SelectionMode.SingleSelection)
        self.table.set_note("Reading the folder…")
        self.table.setMinimumHeight(theme.UNIT * 16)
        self.table.row_chosen.connect(self._choose)
        self.details = QLabel()
        self.details.setWordWrap(True)
        self.details.setAccessibleName("Details of the layout")
        self.body.addWidget(words)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.details)

    def changes(self) -> dict[str, Any]:
        """Return the layout, where it is another one."""
        return {} if self._layout == self._settings.layout else {"layout": self._layout}

    def reset(self) -> None:
        """Use the likeliest layout."""
        self._select(AUTO)

    def preview(self) -> None:
        """List the folder by each layout."""
        self.ask(PreviewLayouts(self._source, self._settings), self._show)

    def _show(self, facts: tuple[LayoutFacts, ...]) -> None:
        self._facts = facts
        self.table.set_rows(facts)
        self.say(f"{len(facts) - 1} layouts give different results.")
        self._select(self._layout)

    def _select(self, layout: str) -> None:
        for number, one in enumerate(self._facts):
            if one.layout == layout:
                self.table.sortByColumn(-1, self.table.horizontalHeader().sortIndicatorOrder())
                self.table.selectRow(number)

    def _title(self, one: LayoutFacts) -> str:
        title = self._titles.get(one.layout, one.layout)
        if one.layout != AUTO:
            return title
        return f"{title}: {self._titles.get(one.levels, one.levels).lower()}"

    def _choose(self, one: object) -> None:
        if not isinstance(one, LayoutFacts):
            return
        self._layout = one.layout
        lines = [f"Classes: {counts_words(one.classes) or 'none'}."]
        if one.splits:
            lines.append(f"Sets: {counts_words(one.splits)}.")
        lines += [_example(*example) for example in one.examples]
        if one.assumed:
            lines.append(one.assumed)
        self.details.setText("\n".join(lines))
        self.set_problem("" if one.n_images else "This layout finds no image; choose another one.")
        if one.n_images:
            skipped = f"; {count(one.n_skipped)} other files or folders are skipped" if one.n_skipped else ""
            noun = "class" if len(one.classes) == 1 else "classes"
            self.say(f"{images(one.n_images)} in {len(one.classes):,} {noun}{skipped}.", "")
        self.changed.emit()


def _example(path: str, class_name: str, group: str, split: str) -> str:
    parts = [f"class {class_name}"] + [f"group {group}"] * bool(group) + [f"set {split}"] * bool(split)
    return f"{path}: {', '.join(parts)}"
