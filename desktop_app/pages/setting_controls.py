"""Controls made from the facts of settings: a setting that no page places by hand gets one of these."""

import math
import typing
from collections.abc import Collection, Mapping
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from coreset_studio.core.descriptions import inside_sentence, registry
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import Settings
from coreset_studio.core.settings.chosen_file import ChosenFile
from coreset_studio.core.settings.listed import Setting, settings_in
from coreset_studio.core.settings.names import MATCHED
from coreset_studio.core.settings.own import kind_of
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.frame import OPTIONS_WIDTHS, PageFrame
from coreset_studio.desktop_app.pages.value_of_images import ValueOfImages
from coreset_studio.desktop_app.widgets.check_group import BOX, CheckGroup
from coreset_studio.desktop_app.widgets.controls import ComboBox, NumberBox, SpinBox
from coreset_studio.desktop_app.widgets.file_field import FileField
from coreset_studio.desktop_app.widgets.words import wrapped

LARGEST = 2**31 - 1
# Beyond any share, rate or factor, and still with few digits.
WIDEST = 1_000_000.0
# What the words of a box may take in the column: beside the box, its margin and a scroll bar.
BOX_WIDTH = OPTIONS_WIDTHS[0] - theme.UNIT * 3 - BOX
# Where a number may be left open.
NOTHING = "–"


class SettingControl(QObject):
    """The control of one setting.

    Parameters
    ----------
    setting : Setting
    title : str
        Its label where that is not the setting's own title.

    Attributes
    ----------
    setting : Setting
    title : str
    widget : QWidget
        A check box, number box, choice, line of text or group of boxes, by the setting's kind.
    row : tuple of QWidget
        What whoever places it shows and hides with it.

    Signals
    -------
    changed : (Setting, object)
        The user gave the setting another value.
    file_given : (Setting, str)
        The user chose the file from which the setting's value is read.
    refused : (str)
        What the user typed is no such value; the sentence says what is expected.
    """

    changed = Signal(object, object)
    file_given = Signal(object, str)
    refused = Signal(str)

    def __init__(self, setting: Setting, parent: QObject | None = None, *, title: str = "") -> None:
        super().__init__(parent)
        self.setting, self.title = setting, title or setting.facts.title
        self._shown: Any = setting.default
        self.row: tuple[QWidget, ...] = ()
        self._offered: tuple[str, ...] = ()
        self.widget = self._made()
        self.widget.setObjectName(f"setting_{setting.where}")
        self.widget.setToolTip(setting.facts.tip)
        self.widget.setAccessibleName(self.title)
        self.widget.setAccessibleDescription(setting.facts.tip)

    @property
    def label(self) -> str:
        """The label above the control; empty if the control has its own text."""
        return "" if isinstance(self.widget, QCheckBox) else self.title

    @property
    def value(self) -> Any:
        """The value shown last."""
        return self._shown

    @property
    def can_be_edited(self) -> bool:
        """Whether it can be changed here: values by name have places of their own."""
        return not (isinstance(self.widget, QLineEdit) and self.widget.isReadOnly())

    def show(self, value: Any, *, over_typing: bool = False) -> None:
        """Show a value, without a signal; `over_typing` also where the user is typing another.

        What is being typed stays while the value is the one before, as when a result comes in meanwhile.
        """
        is_same, self._shown = value == self._shown, value
        widget, facts = self.widget, self.setting.facts
        if is_same and not over_typing and _is_typed_in(widget):
            return
        blocked = widget.blockSignals(True)
        try:
            if isinstance(widget, FileField):
                _show_file(widget, value)
            elif isinstance(widget, CheckGroup):
                offered = self.setting.names
                widget.show_names(value, {name: self._unlisted(name) for name in value if name not in offered})
            elif isinstance(widget, QCheckBox):
                widget.setChecked(bool(value))
            elif isinstance(widget, QSpinBox):
                widget.setValue(widget.minimum() if value is None else int(value))
            elif isinstance(widget, QDoubleSpinBox):
                widget.setValue(widget.minimum() if value is None else float(value) * facts.factor)
            elif isinstance(widget, QComboBox):
                self._show_name(widget, str(value))
            elif isinstance(widget, QLineEdit):
                widget.setText(self._words(value))
        finally:
            widget.blockSignals(blocked)

    def take_typed(self) -> None:
        """Take what is typed and not taken yet: on some systems a button that is pressed leaves the focus there."""
        if isinstance(self.widget, QLineEdit) and self.widget.isModified():
            self._emit_text()
        elif isinstance(self.widget, QSpinBox | QDoubleSpinBox):
            self.widget.interpretText()

    def set_no_effect(self, why_not: str = "") -> None:
        """Say why the setting has no effect now, or, where it has one, let it be changed."""
        self.widget.setEnabled(not why_not)
        self.widget.setToolTip(why_not or self.setting.facts.tip)
        self.widget.setAccessibleDescription(why_not or self.setting.facts.tip)

    # --- making -----------------------------------------------------------------------------------------------

    def _made(self) -> QWidget:
        setting = self.setting
        kind = setting.plain_kind
        if isinstance(kind, type) and issubclass(kind, ChosenFile):
            return self._made_file()
        if setting.is_list and setting.names:
            return self._made_group()
        if setting.names:
            return self._made_choice()
        if kind is bool:
            box = QCheckBox()
            box.setText(wrapped(self.title, box.fontMetrics(), BOX_WIDTH))
            box.toggled.connect(self._emit_box)
            return box
        if kind is int:
            return self._made_whole()
        if kind is float:
            return self._made_number()
        line = QLineEdit()
        line.setReadOnly(setting.is_mapping)
        if setting.is_list:
            line.setPlaceholderText(self._words(setting.default))
        line.editingFinished.connect(self._emit_text)
        return line

    def _made_file(self) -> FileField:
        field = FileField(self.title)
        field.chosen.connect(self._emit_file)
        field.removed.connect(self._emit_no_file)
        return field

    def _made_group(self) -> CheckGroup:
        kind, names = self.setting.facts.kind, self.setting.names
        tips = {name: each.tip for name, each in registry(kind).items()} if kind else {}
        group = CheckGroup({name: (title, tips.get(name, "")) for name, title in names.items()}, BOX_WIDTH)
        group.changed.connect(self._emit_names)
        return group

    def _made_choice(self) -> QComboBox:
        choice = ComboBox()
        self._offer(choice)
        choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        choice.setMinimumContentsLength(12)
        # As wide as the longest title, where the control itself is not.
        view = choice.view()
        view.setMinimumWidth(view.sizeHintForColumn(0) + theme.UNIT * 2)
        choice.currentIndexChanged.connect(self._emit_choice)
        return choice

    def _offer(self, choice: QComboBox) -> None:
        """List the names that can be selected now."""
        choice.clear()
        self._offered = tuple(self.setting.names)
        kind = self.setting.facts.kind
        for number, (name, title) in enumerate(self.setting.names.items()):
            choice.addItem(title, name)
            if kind and name:
                choice.setItemData(number, registry(kind)[name].tip, Qt.ItemDataRole.ToolTipRole)

    def _made_whole(self) -> QSpinBox:
        box, facts = SpinBox(), self.setting.facts
        least, most = self._range(1)
        box.setRange(math.ceil(least) - self._is_optional, int(min(most, LARGEST)))
        if self._is_optional:
            box.setSpecialValueText(NOTHING)
        box.setSuffix(facts.unit)
        box.setSingleStep(int(facts.step) or 1)
        box.setKeyboardTracking(False)
        box.valueChanged.connect(self._emit_whole)
        return box

    def _made_number(self) -> QDoubleSpinBox:
        facts = self.setting.facts
        box = NumberBox(keeps=1 if facts.unit.strip().isalpha() else 0)
        box.setDecimals(facts.decimals)
        digit = 10.0**-facts.decimals
        least, most = self._range(digit / facts.factor)
        box.setRange(least * facts.factor - (digit if self._is_optional else 0), most * facts.factor)
        if self._is_optional:
            box.setSpecialValueText(NOTHING)
        box.setSingleStep(facts.step or digit)
        box.setSuffix(facts.unit)
        box.setKeyboardTracking(False)
        box.valueChanged.connect(self._emit_number)
        return box

    @property
    def _is_optional(self) -> bool:
        """Whether it can have no value; a number box shows that at its lower end."""
        return self.setting.plain_kind is not self.setting.kind

    def _range(self, digit: float) -> tuple[float, float]:
        """Return the least and the largest value, which are `digit` from an end that is not included."""
        facts = self.setting.facts
        if facts.offered is not None:
            return facts.offered
        least, most = facts.least, facts.most
        if least is None:
            least = -WIDEST if facts.above is None else facts.above + digit
        if most is None:
            most = WIDEST * 1000 if facts.below is None else facts.below - digit
        return least, most

    # --- telling ----------------------------------------------------------------------------------------------

    def _emit_names(self, names: object) -> None:
        if isinstance(names, tuple) and names:
            self.changed.emit(self.setting, names)
        else:
            self.refused.emit(f"At least one {self.setting.facts.kind or 'of them'} is required.")
            self.show(self._shown)

    def _emit_file(self, file: str) -> None:
        self.file_given.emit(self.setting, file)

    def _emit_no_file(self) -> None:
        self.changed.emit(self.setting, None)

    def _emit_box(self, ticked: bool) -> None:
        self.changed.emit(self.setting, ticked)

    def _emit_choice(self) -> None:
        if isinstance(self.widget, QComboBox):
            self.changed.emit(self.setting, self.widget.currentData())

    def _emit_whole(self, value: int) -> None:
        self.changed.emit(self.setting, None if self._is_nothing(value) else value)

    def _emit_number(self, value: float) -> None:
        facts = self.setting.facts
        # Divided and rounded, so that 12.5 % is 0.125 and not the nearest number below it.
        number = round(value / facts.factor, facts.decimals + 6)
        self.changed.emit(self.setting, None if self._is_nothing(value) else number)

    def _is_nothing(self, value: float) -> bool:
        return self._is_optional and value == self.widget.property("minimum")

    def _emit_text(self) -> None:
        line = self.widget
        if not isinstance(line, QLineEdit) or line.isReadOnly() or line.text() == self._words(self._shown):
            return
        try:
            value = self._read(line.text())
        except ValueError:
            shown = self._words(self.setting.default)
            per_cent = " in percent" if "%" in self.setting.facts.unit else ""
            self.refused.emit(
                f"{self.title}: “{line.text()}” is not valid; expected numbers{per_cent} separated by "
                f"commas{f', such as {shown}' if shown else ''}."
            )
        else:
            self.changed.emit(self.setting, value)
        # What was refused is taken back, and what was taken is written as it is always written.
        line.setText(self._words(self._shown))

    def _read(self, text: str) -> Any:
        """Return the value that a text means; ValueError where it means none."""
        if not self.setting.is_list:
            return text
        words = [word.strip() for word in text.replace("%", " ").replace(";", ",").split(",") if word.strip()]
        inner, *others = typing.get_args(self.setting.kind)
        if Ellipsis not in others:  # a fixed number of values, which may be equal, such as those of three channels
            if len(words) != 1 + len(others):
                raise ValueError(text)
            return tuple(round(float(word) / self.setting.facts.factor, 12) for word in words)
        if inner is str:
            return tuple(dict.fromkeys(words))
        if inner is int:
            return tuple(dict.fromkeys(int(word) for word in words))
        return tuple(dict.fromkeys(round(float(word) / self.setting.facts.factor, 12) for word in words))

    def _words(self, value: Any) -> str:
        if self.setting.is_mapping:
            return ", ".join(f"{name}: {each:g}" for name, each in value.items())
        if self.setting.is_list:
            factor = self.setting.facts.factor
            return ", ".join(each if isinstance(each, str) else f"{each * factor:g}" for each in value)
        return str(value)

    def _show_name(self, choice: QComboBox, name: str) -> None:
        """Show a name; one that is not known here, as of a missing plugin, is offered as long as it is chosen."""
        # A model of the user may have been added or removed since.
        if self._offered != tuple(self.setting.names):
            self._offer(choice)
        n_known = len(self._offered)
        if choice.count() > n_known and choice.itemData(n_known) != name:
            choice.removeItem(n_known)
        if choice.findData(name) < 0:
            title, tip = self._unlisted(name)
            choice.addItem(title, name)
            choice.setItemData(n_known, tip, Qt.ItemDataRole.ToolTipRole)
        choice.setCurrentIndex(choice.findData(name))

    def _unlisted(self, name: str) -> tuple[str, str]:
        """Return title and tooltip of a name that is chosen and not offered, as of a plugin that is not installed."""
        kind = self.setting.facts.kind
        if kind and name.removeprefix(MATCHED) in registry(kind):
            return (theme.sampler_title(name) if name.startswith(MATCHED) else registry(kind).titles([name])[name]), ""
        return f"{name} (missing)", registry(kind).unknown(name) if kind else ""


def _show_file(field: FileField, chosen: ChosenFile | None) -> None:
    if chosen is None:
        field.show_file("")
    else:
        where = f"{chosen.place}\n" if chosen.place else ""
        field.show_file(chosen.in_words, place=chosen.place, details=f"{where}SHA-256: {chosen.digest}")


def _with_owner(setting: Setting) -> str:
    """Return a title that names the owner of a setting; the program's own titles already do."""
    title = setting.facts.title
    if setting.owner not in registry(kind_of(getattr(Settings(), setting.section))).plugins:
        return title
    return f"{setting.owner_title}: {inside_sentence(title)}"


def _is_typed_in(widget: QWidget) -> bool:
    """Whether the user has typed something into a control that is not taken yet."""
    if not widget.hasFocus():
        return False
    if isinstance(widget, QLineEdit):
        return widget.isModified()
    if not isinstance(widget, QSpinBox | QDoubleSpinBox):
        return False
    value: Any = widget.value()
    digits = widget.textFromValue(value)
    return widget.text() not in (f"{widget.prefix()}{digits}{widget.suffix()}", widget.specialValueText())


class SettingControls(QObject):
    """The controls of a page's settings: made from their facts, but for those that the page places by hand.

    Parameters
    ----------
    page : PageFrame
        Its column takes the controls.

    Signals
    -------
    changed : (Setting, object)
        The user gave a setting another value.
    file_given : (Setting, str)
        See `SettingControl`.
    refused : (str)
        See `SettingControl`.
    """

    changed = Signal(object, object)
    file_given = Signal(object, str)
    refused = Signal(str)

    def __init__(self, page: PageFrame) -> None:
        super().__init__(page)
        self._page = page
        self._controls: dict[str, SettingControl] = {}
        self._placed: dict[str, QWidget] = {}
        self._of_images: list[ValueOfImages] = []

    @property
    def made(self) -> Mapping[str, SettingControl]:
        """The controls that are made from facts, by ``"section.name"`` or ``"section.owner.name"``."""
        return self._controls

    @property
    def placed(self) -> Mapping[str, QWidget]:
        """Where each setting is shown, by ``"section.name"`` or ``"section.owner.name"``."""
        return {**{where: control.widget for where, control in self._controls.items()}, **self._placed}

    def place(self, widget: QWidget, *where: str) -> None:
        """Say that settings are shown by a widget of the page's own."""
        self._placed.update(dict.fromkeys(where, widget))

    def make(self, where: str, *, title: str = "", prefix: str = "") -> SettingControl:
        """Return the control of a setting, for a place that the page gives it.

        Parameters
        ----------
        where : str
            ``"section.name"`` or ``"section.owner.name"``.
        title : str
            Its title where that is not the setting's own.
        prefix : str
            Before a number without a label.
        """
        section, _, rest = where.partition(".")
        setting = next(each for each in settings_in(section) if each.where == f"{section}.{rest}")
        control = SettingControl(setting, self, title=title)
        control.changed.connect(self.changed)
        control.file_given.connect(self.file_given)
        control.refused.connect(self.refused)
        if isinstance(control.widget, QSpinBox | QDoubleSpinBox):
            control.widget.setPrefix(prefix)
        self._controls[where] = control
        return control

    def add(self, where: str, *, more: bool = False, title: str = "") -> SettingControl:
        """Add the control of a setting to the column, under another title where one is given."""
        control = self.make(where, title=title)
        facts = control.setting.facts
        add = self._page.add_more_option if more else self._page.add_option
        add(control.label, control.widget, facts.tip, question=facts.question)
        if facts.from_dataset:
            of_images = ValueOfImages(control.setting, control.title, control)
            of_images.taken.connect(self.changed)
            add("", of_images.button)
            self._of_images.append(of_images)
        return control

    def add_owned(
        self, section: str, *, more: bool = False, more_of: Collection[str] = (), several: bool = False
    ) -> None:
        """Add the own settings of a section's descriptions, for `show_owned`.

        Parameters
        ----------
        more : bool
            Whether "More" opens them.
        more_of : collection of str
            Descriptions whose settings "More" opens.
        several : bool
            Those of several descriptions may be shown at once: each names its owner.
        """
        for setting in settings_in(section):
            if setting.owner and setting.where not in self.placed:
                hidden = more or setting.owner in more_of
                self.add(setting.where, more=hidden, title=_with_owner(setting) if several else "")

    def add_rest(self, *sections: str) -> None:
        """Add the settings of sections that have no place yet to those that "More" opens."""
        placed = self.placed
        for section in sections:
            for setting in settings_in(section):
                if setting.where not in placed:
                    self.add(setting.where, more=True)

    def show(self, settings: Settings, *, over_typing: bool = False) -> None:
        """Show all values; `over_typing` also where the user is typing another, as when the project is another one."""
        for control in self._controls.values():
            control.show(control.setting.value(settings), over_typing=over_typing)

    def show_dataset(self, dataset: Dataset | None) -> None:
        """Say which images there are, for settings whose value they can give."""
        for each in self._of_images:
            each.show_dataset(dataset)

    def take_typed(self) -> None:
        """Take what is typed and not taken yet, before something is done with the settings."""
        for control in self._controls.values():
            control.take_typed()

    def show_owned(self, section: str, owners: Collection[str]) -> None:
        """Show the own settings of some descriptions, and hide those of the others."""
        for control in self._controls.values():
            row = control.widget.parentWidget()
            if control.setting.section == section and control.setting.owner and row is not None:
                row.setVisible(control.setting.owner in owners)
