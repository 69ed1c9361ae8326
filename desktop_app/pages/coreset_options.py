"""The choices of the Coreset page: sampler, size, budgets, seed, β and μ."""

from collections.abc import Mapping
from typing import Any, cast

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.descriptions import registry
from coreset_studio.core.service.needs import sampler_memory_words
from coreset_studio.core.settings import BY_DIFFICULTY, SelectionSettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.help_button import HelpButton
from coreset_studio.desktop_app.pages.coreset_continuing import Continuing
from coreset_studio.desktop_app.pages.coreset_fractions import ClassFractions
from coreset_studio.desktop_app.pages.page import Page
from coreset_studio.desktop_app.registries import samplers
from coreset_studio.desktop_app.widgets.fraction_control import FractionControl
from coreset_studio.desktop_app.widgets.question_mark import QuestionMark
from coreset_studio.desktop_app.widgets.words import set_tone

# Rules over classes, in a few words.
RULES = {
    "proportional": "proportional", "difficulty": "by difficulty", "equal": "equal", "square-root": "square root",
    "equal-then-square-root": "equal, then √n", "square-root-difficulty": "square root and difficulty",
}  # fmt: skip


class CoresetOptions(QObject):
    """Fills a page's column, shows settings, and emits the changes of the user.

    Signals
    -------
    changed : (object)
        Fields of `SelectionSettings` and their new values, a dict.
    dragged : (float)
        The fraction, while it is dragged.
    noted : (str)
        The user's own words.
    """

    changed = Signal(object)
    dragged = Signal(float)
    noted = Signal(str)

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._page = page
        self._samplers = samplers()
        self._recommended = next((each for each in self._samplers.values() if each.why_recommended), None)
        controls = page.controls
        self.sampler = cast("QComboBox", controls.make("selection.sampler").widget)
        page.add_option("Sampler", self._with_help(self.sampler), "Rule that selects the images")
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        set_tone(self.summary, "muted")
        page.add_to_options(self.summary)
        page.add_to_options(self._recommendation())
        self.size = FractionControl()
        self.size.fraction_changed.connect(self.dragged)
        self.size.percent.setMinimumWidth(theme.UNIT * 11)
        self.size.images.setMinimumWidth(theme.UNIT * 14)
        page.add_option("Size", self.size)
        controls.place(self.size, "selection.fraction", "selection.images")
        self._add_budgets(page)
        self.continuing = Continuing(page)
        page.add_to_options(self.continuing.widget)
        controls.place(self.continuing.widget, "selection.continue_from")
        self._add_more(page)

    def _with_help(self, sampler: QComboBox) -> QWidget:
        """Put what opens the sampler's page in Help beside the choice."""
        self.about = HelpButton("sampler")
        sampler.setAccessibleName("Sampler")
        both = QWidget()
        both.setFocusProxy(sampler)
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT // 2)
        row.addWidget(sampler, 1)
        row.addWidget(self.about)
        return both

    def _recommendation(self) -> QWidget:
        self.recommended = QPushButton("Use the recommended sampler")
        self.recommended.clicked.connect(self._use_recommended)
        self.why = QLabel(self._recommended.why_recommended if self._recommended is not None else "")
        self.why.setWordWrap(True)
        set_tone(self.why, "muted")
        self.evidence = QuestionMark(self._recommended.evidence if self._recommended is not None else "", "measured")
        self.evidence.setAccessibleName("Benchmark results")
        self.recommendation = QWidget()
        column = QVBoxLayout(self.recommendation)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        column.addWidget(self.recommended)
        row = QHBoxLayout()
        row.setSpacing(theme.UNIT // 2)
        row.addWidget(self.why, 1)
        row.addWidget(self.evidence, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        return self.recommendation

    def _add_budgets(self, page: Page) -> None:
        controls = page.controls
        self.over_classes = controls.add("selection.budget_over_classes")
        self.by_hand = ClassFractions()
        self.by_hand.changed.connect(self._set_by_hand)
        page.add_to_options(self.by_hand)
        controls.place(self.by_hand, "selection.fraction_by_class")
        controls.add_owned("selection")

    def _add_more(self, page: Page) -> None:
        self.seed = page.controls.add("selection.seed", more=True)
        self.beta = page.controls.add("selection.beta", more=True)
        page.controls.add_rest("selection")
        self.notes = QPlainTextEdit()
        self.notes.setTabChangesFocus(True)
        self.notes.setFixedHeight(theme.UNIT * 10)
        self.notes.setPlaceholderText("Why these images, what was excluded")
        self.notes.textChanged.connect(self._set_notes)
        page.add_more_option("Notes", self.notes, "Your notes, saved with the project")

    # --- showing ----------------------------------------------------------------------------------------------

    def show_settings(self, settings: SelectionSettings, pool_by_class: Mapping[str, int]) -> None:
        """Show choices, and which of them have an effect."""
        pool = sum(pool_by_class.values())
        self.size.set_pool(pool)
        self.size.set_fraction(settings.images / pool if settings.images and pool else settings.fraction)
        self.by_hand.setVisible(settings.budget_over_classes == "by-hand")
        if self.by_hand.set_classes(pool_by_class, settings.fraction_by_class, settings.fraction):
            self._page.order_options()
        self._show_recommendation(settings)
        self.continuing.show_settings(settings)
        fact = self._samplers.get(settings.sampler)
        self.about.name = settings.sampler
        limit = self._page.model.settings("clusters").exact_up_to
        memory = sampler_memory_words(pool_by_class, fact, limit) if fact and pool_by_class else ""
        self.summary.setText(f"{fact.tip} {memory}".rstrip() if fact else "")
        self.summary.setVisible(fact is not None)
        self.about.setEnabled(fact is not None)
        unknown = registry("sampler").unknown
        self.sampler.setToolTip(f"{fact.tip}\nSource: {fact.source}" if fact else unknown(settings.sampler))
        self._page.controls.show_owned("selection", (settings.sampler,))
        if fact is not None:
            self._show_effects(settings, fact)

    def _show_recommendation(self, settings: SelectionSettings) -> None:
        recommended = self._recommended
        used = recommended is not None and settings.sampler == recommended.name
        used = used and settings.budget_over_classes == "recommended"
        self.recommendation.setVisible(recommended is not None and not used)
        if recommended is not None:
            self.recommended.setToolTip(f"{recommended.title}, with β = ¼. Undo reverts this.")

    def _show_effects(self, settings: SelectionSettings, fact: Any) -> None:
        whole = fact.scope == "pool"
        self.over_classes.set_no_effect(f"{fact.title} draws from the whole pool and ignores classes." if whole else "")
        box = self.over_classes.widget
        if isinstance(box, QComboBox):
            for name, words in (("recommended", "Recommended"), ("sampler", "Sampler's own")):
                rule = fact.budget_rule(name)
                box.setItemText(box.findData(name), "None" if whole else f"{words} ({RULES.get(rule, rule)})")
        self.seed.set_no_effect("" if fact.uses_seed else f"{fact.title} is deterministic.")
        harder = fact.budget_rule(settings.budget_over_classes) in BY_DIFFICULTY and not whole
        self.beta.set_no_effect("" if harder else "β only applies to budgets by difficulty.")

    def show_notes(self, notes: str) -> None:
        """Show the user's own words."""
        if self.notes.toPlainText() != notes:
            blocked = self.notes.blockSignals(True)
            self.notes.setPlainText(notes)
            self.notes.blockSignals(blocked)

    # --- telling ----------------------------------------------------------------------------------------------

    def recommend(self, settings: SelectionSettings) -> None:
        """Use the recommended sampler, if nothing else was chosen."""
        if settings == SelectionSettings():
            self._use_recommended()

    def _use_recommended(self) -> None:
        if self._recommended is not None:
            self.changed.emit({"sampler": self._recommended.name, "budget_over_classes": "recommended", "beta": 0.25})

    def _set_by_hand(self, fractions: object) -> None:
        self.changed.emit({"fraction_by_class": fractions})

    def _set_notes(self) -> None:
        self.noted.emit(self.notes.toPlainText())
