"""The columns of a table: the first rows, and above each column what it is read as."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QWidget

from coreset_studio.core.results import TableFacts
from coreset_studio.core.service.reading_requests import PreviewTable
from coreset_studio.core.settings import DataSettings, own_settings, with_own
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.reading_tab import ReadingTab, counts_words
from coreset_studio.desktop_app.registries import sources
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.controls import ComboBox
from coreset_studio.desktop_app.widgets.words import count, elide_label, images, set_tone

ROLES = {"image": "Image file", "class": "Class", "split": "Set", "group": "Group", "ignore": "Not used"}
ONCE = ("image", "split", "group")
NONE = "-"
NAMES = ("path_column", "class_columns", "split_column", "group_column")
SENTENCE = (
    "Choose what each column contains. If several columns are classes, each has one class, with 1 where an image is of "
    "it. A set is train, validation or test; images of one group, such as a patient, stay together."
)
COLUMN_WIDTH = theme.UNIT * 17
MOST_COLUMNS = 200


def has_columns(name: str) -> bool:
    """Return whether a source is a table whose columns can be assigned."""
    known = sources()
    settings = known[name].settings if name in known else None
    return settings is not None and set(NAMES) <= {each.name for each in fields(settings)}


class ColumnsTab(ReadingTab):
    """The columns of a table.

    Parameters
    ----------
    source : Path
        The table.
    kind : str
        Name of the source, for which `has_columns` holds.
    settings : DataSettings
    service : EngineService

    Attributes
    ----------
    combos : list of ComboBox
        One for each column.
    """

    title = "Columns"

    def __init__(self, source: Path, kind: str, settings: DataSettings, service: EngineService) -> None:
        super().__init__(service)
        self._source, self._kind, self._settings = source, kind, settings
        self._own = self._before = own_settings(settings, sources()[kind])
        self.combos: list[ComboBox] = []
        self._header: tuple[str, ...] = ()
        words = QLabel(SENTENCE)
        words.setWordWrap(True)
        set_tone(words, "muted")
        self.body.addWidget(words)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setAccessibleName("First rows of the table")
        self.area.setMinimumHeight(theme.UNIT * 20)
        self.body.addWidget(self.area, 1)

    def changes(self) -> dict[str, Any]:
        """Return the own settings of the table, where they are others."""
        if self._own == self._before:
            return {}
        named = {each.name: getattr(self._own, each.name) for each in fields(self._own)}
        return {"own": with_own(self._settings, self._kind, **named).own}

    def reset(self) -> None:
        """Let all columns be guessed."""
        self._own = replace(
            self._own, columns="auto", path_column="", class_columns=(), split_column="", group_column=""
        )
        self._header = ()  # what is guessed comes with the answer
        self.changed.emit()
        self.preview()

    def preview(self) -> None:
        """Read the table."""
        self.ask(PreviewTable(self._source, self._own), self._show)

    def _show(self, facts: TableFacts) -> None:
        if facts.header and facts.header != self._header:
            self._fill(facts)
        if facts.problem or not facts.n_images:
            reason = f" Reason: {facts.skipped}" if facts.skipped else ""
            self.set_problem(facts.problem or f"No image would be read.{reason}")
            return
        self.set_problem("")
        self.say(_words(facts), "warning" if facts.n_skipped > facts.n_images else "")

    def _fill(self, facts: TableFacts) -> None:
        """Make a column for each of the table."""
        self._header, self.combos = facts.header, []
        inside = QWidget()
        inside.setObjectName("see_through")
        grid = QGridLayout(inside)
        grid.setContentsMargins(2, 2, theme.UNIT, theme.UNIT)
        grid.setHorizontalSpacing(theme.UNIT)
        grid.setVerticalSpacing(theme.UNIT // 2)
        roles = facts.roles or ("ignore",) * len(facts.header)
        for at, name in enumerate(facts.header[:MOST_COLUMNS]):
            combo = self._combo(name, roles[at], [row[at] for row in facts.rows])
            grid.addWidget(combo, 0, at)
            heading = elide_label(name or "(no name)")
            heading.setFont(theme.strong_font())
            grid.addWidget(heading, 1, at)
            for number, row in enumerate(facts.rows):
                cell = elide_label(row[at])
                cell.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
                grid.addWidget(cell, number + 2, at)
            grid.setColumnMinimumWidth(at, COLUMN_WIDTH)
        grid.setRowStretch(len(facts.rows) + 2, 1)
        grid.setColumnStretch(len(facts.header), 1)
        self.area.setWidget(inside)

    def _combo(self, name: str, role: str, cells: list[str]) -> ComboBox:
        combo = ComboBox()
        for each, title in ROLES.items():
            combo.addItem(title, each)
        combo.setCurrentIndex(combo.findData(role))
        examples = ", ".join(dict.fromkeys(cell for cell in cells if cell))[:80]
        combo.setAccessibleName(f"Use of the column {name}")
        combo.setToolTip(
            f"What the column {name} contains: {examples}" if name else "A column without a name is not used"
        )
        combo.setAccessibleDescription(combo.toolTip())
        combo.setEnabled(bool(name))
        combo.currentIndexChanged.connect(self._assign)
        self.combos.append(combo)
        return combo

    def _assign(self) -> None:
        """Take over what the user has chosen; what only one column can be, no other column is any more."""
        changed = self.sender()
        for combo in self.combos:
            role = combo.currentData()
            if (
                combo is not changed
                and role in ONCE
                and isinstance(changed, ComboBox)
                and changed.currentData() == role
            ):
                blocked = combo.blockSignals(True)
                combo.setCurrentIndex(combo.findData("ignore"))
                combo.blockSignals(blocked)
        by_role = {role: self._columns(role) for role in ROLES}
        missing = [ROLES[role].lower() for role in ("image", "class") if not by_role[role]]
        if missing:
            self.stop()
            self.set_problem(f"No column is chosen as {' and '.join(missing)}; choose one.")
            return
        self._own = replace(
            self._own,
            columns="auto",
            path_column=by_role["image"][0],
            class_columns=by_role["class"],
            split_column=next(iter(by_role["split"]), NONE),
            group_column=next(iter(by_role["group"]), NONE),
        )
        self.changed.emit()
        self.preview_soon()

    def _columns(self, role: str) -> tuple[str, ...]:
        return tuple(
            name for name, combo in zip(self._header, self.combos, strict=False) if combo.currentData() == role
        )


def _words(facts: TableFacts) -> str:
    noun = "class" if len(facts.classes) == 1 else "classes"
    words = f"{images(facts.n_images)} in {len(facts.classes):,} {noun}: {counts_words(facts.classes)}."
    if facts.splits:
        words += f" Sets: {counts_words(facts.splits)}."
    if facts.n_groups:
        words += f" {count(facts.n_groups)} {'group' if facts.n_groups == 1 else 'groups'}."
    if facts.n_skipped:
        rows = "1 row is" if facts.n_skipped == 1 else f"{count(facts.n_skipped)} rows are"
        words += f" {rows} skipped, such as {facts.skipped}"
    return words
