"""Controls made from the facts of settings: a setting that no page places by hand gets one of these."""

import typing
from collections.abc import Collection, Mapping
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from core.descriptions import registry
from core.settings import Settings
from core.settings.listed import Setting, settings_in
from desktop_app.pages.frame import PageFrame
from desktop_app.widgets.check_group import CheckGroup

LARGEST = 2**31 - 1
# Beyond any share, rate or factor, and still with few digits.
WIDEST = 1_000_000.0


class SettingControl(QObject):
    """The control of one setting.

    Attributes
    ----------
    setting : Setting
    widget : QWidget
        A check box, number box, choice, line of text or group of boxes, by the setting's kind.
    row : tuple of QWidget
        What whoever places it shows and hides with it.

    Signals
    -------
    changed : (Setting, object)
        The user gave the setting another value.
    refused : (str)
        What the user typed is no such value; the sentence says what is expected.
    """

    changed = Signal(object, object)
    refused = Signal(str)

    def __init__(self, setting: Setting, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setting = setting
        self._shown: Any = setting.default
        self.row: tuple[QWidget, ...] = ()
        self.widget = self._made()
        self.widget.setObjectName(f"setting_{setting.where}")
        if not isinstance(self.widget, CheckGroup):
            self.widget.setToolTip(setting.facts.tip)
        self.widget.setAccessibleName(setting.facts.title)
        self.widget.setAccessibleDescription(setting.facts.tip)

    @property
    def label(self) -> str:
        """What stands above the control; empty where it carries its own words."""
        return "" if isinstance(self.widget, QCheckBox) else self.setting.facts.title

    @property
    def value(self) -> Any:
        """The value shown last."""
        return self._shown

    @property
    def can_be_edited(self) -> bool:
        """Whether the window can change it: values by name and lists of texts have places of their own."""
        return not (isinstance(self.widget, QLineEdit) and self.widget.isReadOnly())

    def show(self, value: Any, *, over_typing: bool = False) -> None:
        """Show a value, without a signal; `over_typing` also where the user is typing another."""
        self._shown = value
        widget, facts = self.widget, self.setting.facts
        blocked = widget.blockSignals(True)
        try:
            if isinstance(widget, CheckGroup):
                widget.show_names(value)
            elif isinstance(widget, QCheckBox):
                widget.setChecked(bool(value))
            elif isinstance(widget, QSpinBox):
                widget.setValue(widget.minimum() if value is None else int(value))
            elif isinstance(widget, QDoubleSpinBox):
                widget.setValue(float(value) * facts.factor)
            elif isinstance(widget, QComboBox):
                self._show_name(widget, str(value))
            elif isinstance(widget, QLineEdit) and (over_typing or not widget.hasFocus()):
                widget.setText(self._words(value))
        finally:
            widget.blockSignals(blocked)

    def set_heeded(self, why_not: str = "") -> None:
        """Let it be changed, or say why it makes no difference now."""
        self.widget.setEnabled(not why_not)
        if not isinstance(self.widget, CheckGroup):
            self.widget.setToolTip(why_not or self.setting.facts.tip)
        self.widget.setAccessibleDescription(why_not or self.setting.facts.tip)

    # --- making -----------------------------------------------------------------------------------------------

    def _made(self) -> QWidget:
        setting = self.setting
        kind = setting.plain_kind
        if setting.is_list and setting.facts.kind:
            return self._made_group()
        if setting.names:
            return self._made_choice()
        if kind is bool:
            box = QCheckBox(setting.facts.title)
            box.toggled.connect(self._tell_box)
            return box
        if kind is int:
            return self._made_whole()
        if kind is float:
            return self._made_number()
        line = QLineEdit()
        line.setReadOnly(setting.is_mapping or (setting.is_list and typing.get_args(setting.kind)[0] is str))
        line.editingFinished.connect(self._tell_text)
        return line

    def _made_group(self) -> CheckGroup:
        known = registry(self.setting.facts.kind)
        group = CheckGroup({name: (title, known[name].tip) for name, title in self.setting.names.items()})
        group.changed.connect(self._tell_names)
        return group

    def _made_choice(self) -> QComboBox:
        choice = QComboBox()
        kind = self.setting.facts.kind
        for number, (name, title) in enumerate(self.setting.names.items()):
            choice.addItem(title, name)
            if kind and name:
                choice.setItemData(number, registry(kind)[name].tip, Qt.ItemDataRole.ToolTipRole)
        choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        choice.setMinimumContentsLength(12)
        choice.activated.connect(self._tell_choice)
        return choice

    def _made_whole(self) -> QSpinBox:
        box, facts = QSpinBox(), self.setting.facts
        least, most = self._range()
        is_optional = self.setting.plain_kind is not self.setting.kind
        box.setRange(int(least) - is_optional, int(min(most, LARGEST)))
        if is_optional:
            box.setSpecialValueText("–")
        box.setSuffix(facts.unit)
        box.setSingleStep(int(facts.step) or 1)
        box.setKeyboardTracking(False)
        box.valueChanged.connect(self._tell_whole)
        return box

    def _made_number(self) -> QDoubleSpinBox:
        box, facts = QDoubleSpinBox(), self.setting.facts
        box.setDecimals(facts.decimals)
        least, most = self._range()
        digit = 10.0**-facts.decimals
        box.setRange(
            least * facts.factor + (digit if facts.offered is None and facts.above is not None else 0),
            most * facts.factor - (digit if facts.offered is None and facts.below is not None else 0),
        )
        box.setSingleStep(facts.step or digit)
        box.setSuffix(facts.unit)
        box.setKeyboardTracking(False)
        box.valueChanged.connect(self._tell_number)
        return box

    def _range(self) -> tuple[float, float]:
        facts = self.setting.facts
        if facts.offered is not None:
            return facts.offered
        least = facts.least if facts.least is not None else facts.above
        most = facts.most if facts.most is not None else facts.below
        return (-WIDEST if least is None else least, WIDEST * 1000 if most is None else most)

    # --- telling ----------------------------------------------------------------------------------------------

    def _tell_names(self, names: object) -> None:
        if isinstance(names, tuple) and names:
            self.changed.emit(self.setting, names)
        else:
            self.refused.emit(f"At least one {self.setting.facts.kind} is needed; the last one stays.")
            self.show(self._shown)

    def _tell_box(self, ticked: bool) -> None:
        self.changed.emit(self.setting, ticked)

    def _tell_choice(self) -> None:
        if isinstance(self.widget, QComboBox):
            self.changed.emit(self.setting, self.widget.currentData())

    def _tell_whole(self, value: int) -> None:
        is_none = self.setting.plain_kind is not self.setting.kind and value == self.widget.property("minimum")
        self.changed.emit(self.setting, None if is_none else value)

    def _tell_number(self, value: float) -> None:
        facts = self.setting.facts
        # Divided and rounded, so that 12.5 % is 0.125 and not the nearest number below it.
        self.changed.emit(self.setting, round(value / facts.factor, facts.decimals + 6))

    def _tell_text(self) -> None:
        line = self.widget
        if not isinstance(line, QLineEdit) or line.isReadOnly() or line.text() == self._words(self._shown):
            return
        if not self.setting.is_list:
            self.changed.emit(self.setting, line.text())
            return
        factor = self.setting.facts.factor
        words = line.text().replace("%", " ").replace(";", ",").split(",")
        try:
            numbers = tuple(dict.fromkeys(round(float(word) / factor, 12) for word in words if word.strip()))
        except ValueError:
            shown = self._words(self.setting.default)
            self.refused.emit(f"“{line.text()}” holds something that is no number; expected such as {shown}.")
            line.setText(self._words(self._shown))
            return
        self.changed.emit(self.setting, numbers)
        line.setText(self._words(self._shown))

    def _words(self, value: Any) -> str:
        if self.setting.is_mapping:
            return ", ".join(f"{name}: {each:g}" for name, each in value.items())
        if self.setting.is_list:
            factor = self.setting.facts.factor
            return ", ".join(each if isinstance(each, str) else f"{each * factor:g}" for each in value)
        return str(value)

    def _show_name(self, choice: QComboBox, name: str) -> None:
        """Show a name; one that is not known here, as of a missing plugin, is added as what it is."""
        at = choice.findData(name)
        if at < 0:
            choice.addItem(f"{name} (missing)", name)
            at = choice.count() - 1
        choice.setCurrentIndex(at)


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
    refused : (str)
        See `SettingControl`.
    """

    changed = Signal(object, object)
    refused = Signal(str)

    def __init__(self, page: PageFrame) -> None:
        super().__init__(page)
        self._page = page
        self._controls: dict[str, SettingControl] = {}
        self._placed: dict[str, QWidget] = {}

    @property
    def placed(self) -> Mapping[str, QWidget]:
        """Where each setting is shown, by ``"section.name"`` or ``"section.owner.name"``."""
        return {**{where: control.widget for where, control in self._controls.items()}, **self._placed}

    def place(self, widget: QWidget, *where: str) -> None:
        """Say that settings are shown by a widget of the page's own."""
        self._placed.update(dict.fromkeys(where, widget))

    def make(self, where: str) -> SettingControl:
        """Return the control of a setting, for a place that the page gives it."""
        section, _, rest = where.partition(".")
        setting = next(each for each in settings_in(section) if each.where == f"{section}.{rest}")
        control = SettingControl(setting, self)
        control.changed.connect(self.changed)
        control.refused.connect(self.refused)
        self._controls[where] = control
        return control

    def add(self, where: str, *, more: bool = False, label: str = "") -> SettingControl:
        """Add the control of a setting to the column, under another label where one is given."""
        control = self.make(where)
        facts = control.setting.facts
        add = self._page.add_more_option if more else self._page.add_option
        # A group of boxes says of each of them what it is.
        tip = "" if isinstance(control.widget, CheckGroup) else facts.tip
        add(label or control.label, control.widget, tip, question=facts.question)
        return control

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

    def show_owned(self, section: str, owners: Collection[str]) -> None:
        """Show the own settings of some descriptions, and hide those of the others."""
        for control in self._controls.values():
            row = control.widget.parentWidget()
            if control.setting.section == section and control.setting.owner and row is not None:
                row.setVisible(control.setting.owner in owners)
