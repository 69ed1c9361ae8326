"""The choices of the Coreset page: sampler, size, budgets, seed, β and μ."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.descriptions import registry
from core.settings import SelectionSettings, own_settings, with_own
from desktop_app import theme
from desktop_app.dialogs.help_window import show_sampler_help
from desktop_app.pages.coreset_fractions import ClassFractions, number_box
from desktop_app.pages.page import Page
from desktop_app.widgets.fraction_control import FractionControl
from desktop_app.widgets.words import set_tone

CLASS_RULES = {
    "sampler": "The sampler's own rule",
    "proportional": "Proportional to the class",
    "equal": "Equal for every class",
    "square-root": "Square root of the class",
    "difficulty": "More for harder classes",
    "by-hand": "By hand",
}
CLUSTER_RULES = {
    "equal": "Equal (the paper)",
    "proportional": "Proportional to the cluster",
    "square-root": "Square root of the cluster",
    "neyman": "Size and spread (Neyman)",
}
RECOMMENDED = "even-herding"
# From benchmarks/results/quality.md: ten splits, three judging feature spaces.
WHY_RECOMMENDED = (
    "Measured on 4,275 blood cells, keeping 5\u00a0%: even herding on colour-texture, VGG16 and VGG16 "
    "averaged gained 6.0 ± 0.2 points of accuracy over stratified random (4.6 under a judge whose features it did not "
    "see), the paper's sampler on VGG16 0.1."
)
OWN = {"proportional": "proportional", "difficulty": "by difficulty", "equal": "equal", "square-root": "square root"}


class CoresetOptions(QObject):
    """Fills a page's column, shows settings, and tells what the user changes.

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
        self._samplers: Mapping[str, Any] = registry("sampler")
        self._page = page
        self.sampler = _combo({})
        for name in self._samplers:
            self._offer(name)
        self.sampler.activated.connect(self._set_sampler)
        page.add_option("Sampler", self._with_help(self.sampler), "How the images of a class are put in order")
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
        self._add_budgets(page)
        self._add_more(page)

    def _with_help(self, sampler: QComboBox) -> QWidget:
        """Put what opens the sampler's page in Help beside the choice."""
        self.about = QToolButton()
        self.about.setAutoRaise(True)
        self.about.setAccessibleName("How the sampler works")
        self.about.setToolTip("How this sampler works, with a picture")
        self.about.clicked.connect(self._open_help)
        theme.set_icon(self.about, "question", "muted")
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
        self.why = QLabel(WHY_RECOMMENDED)
        self.why.setWordWrap(True)
        set_tone(self.why, "muted")
        self.recommendation = QWidget()
        column = QVBoxLayout(self.recommendation)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        column.addWidget(self.recommended)
        column.addWidget(self.why)
        return self.recommendation

    def _add_budgets(self, page: Page) -> None:
        self.over_classes = _combo(CLASS_RULES)
        self.over_classes.activated.connect(self._set_class_rule)
        page.add_option("Budget over classes", self.over_classes, "How the images are shared out among the classes")
        self.by_hand = ClassFractions()
        self.by_hand.changed.connect(self._set_by_hand)
        page.add_to_options(self.by_hand)
        self.over_clusters = _combo(CLUSTER_RULES)
        self.over_clusters.activated.connect(self._set_cluster_rule)
        page.add_option("Budget over clusters", self.over_clusters)

    def _add_more(self, page: Page) -> None:
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.valueChanged.connect(self._set_seed)
        page.add_more_option("Seed", self.seed)
        self.beta = number_box(0.0, 4.0, 0.05)
        self.beta.valueChanged.connect(self._set_beta)
        page.add_more_option(
            "β, how much harder classes get",
            self.beta,
            question="0 keeps the classes' shares; ½ leans towards rare kinds. ¼ gives nearly the best of both.",
        )
        self.mu = number_box(0.0, 1.0, 0.05)
        self.mu.valueChanged.connect(self._set_mu)
        page.add_more_option(
            "μ, how much small clusters get",
            self.mu,
            question="0 follows the distribution of the class; with 1 every cluster counts the same.",
        )
        self.at_least_one = QCheckBox("Every class gives one image")
        self.at_least_one.toggled.connect(self._set_at_least_one)
        self.notes = QPlainTextEdit()
        self.notes.setTabChangesFocus(True)
        self.notes.setFixedHeight(theme.UNIT * 10)
        self.notes.setPlaceholderText("Why these images, what was left out")
        self.notes.textChanged.connect(self._set_notes)
        page.add_more_option("", self.at_least_one, "Give every class one image first, where the size allows it")
        page.add_more_option("Notes", self.notes, "Your own words; they are kept in the project")

    # --- showing ----------------------------------------------------------------------------------------------

    def _offer(self, name: str) -> None:
        sampler = self._samplers.get(name)
        self.sampler.addItem(theme.sampler_title(name), name)
        tip = f"{sampler.tip}\n{sampler.source}" if sampler else registry("sampler").unknown(name)
        self.sampler.setItemData(self.sampler.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)

    def show_settings(self, settings: SelectionSettings, pool_by_class: Mapping[str, int]) -> None:
        """Show choices, and which of them the sampler heeds."""
        pool, show = sum(pool_by_class.values()), self._page.show_value
        self.size.set_pool(pool)
        self.size.set_fraction(settings.images / pool if settings.images and pool else settings.fraction)
        if self.sampler.findData(settings.sampler) < 0:
            self._offer(settings.sampler)
        show(self.sampler, settings.sampler)
        show(self.over_classes, settings.budget_over_classes)
        show(self.over_clusters, own_settings(settings, registry("sampler")["intelligent"]).budget_over_clusters)
        show(self.seed, settings.seed)
        show(self.beta, settings.beta)
        show(self.mu, own_settings(settings, registry("sampler")["balanced-herding"]).mu)
        show(self.at_least_one, settings.at_least_one)
        self.by_hand.setVisible(settings.budget_over_classes == "by-hand")
        self.by_hand.set_classes(pool_by_class, settings.fraction_by_class, settings.fraction)
        used = settings.sampler == RECOMMENDED and settings.budget_over_classes == "sampler"
        self.recommendation.setVisible(not used)
        self.recommended.setToolTip("Even herding, with β at ¼. Undo takes it back.")
        fact = self._samplers.get(settings.sampler)
        self.summary.setText(fact.tip if fact else "")
        unknown = registry("sampler").unknown
        self.sampler.setToolTip(f"{fact.tip}\nSource: {fact.source}" if fact else unknown(settings.sampler))
        if fact is not None:
            self._show_heeded(settings, fact)

    def _show_heeded(self, settings: SelectionSettings, fact: Any) -> None:
        title = theme.sampler_title(fact.name)
        whole = fact.scope == "pool"
        _heed(
            self.over_classes,
            "" if not whole else f"{title} draws from the whole pool and knows no classes.",
            "How the images are shared out among the classes",
        )
        own = OWN.get(fact.class_budget, fact.class_budget)
        self.over_classes.setItemText(0, "None" if whole else f"Sampler's own ({own})")
        _heed(
            self.over_clusters,
            "" if fact.name == "intelligent" else f"{title} has no budgets over clusters; intelligent sampling has.",
            "How the images of a class are shared out among its clusters",
        )
        _heed(self.seed, "" if fact.uses_seed else f"{title} leaves nothing to chance.", "Another seed, another draw")
        rule = settings.budget_over_classes
        rule_used = fact.class_budget if rule == "sampler" else rule
        harder = rule_used == "difficulty" and not whole
        _heed(self.beta, "" if harder else "β counts where harder classes get more.", "From 0, which changes nothing")
        herding = fact.name == "balanced-herding"
        _heed(self.mu, "" if herding else "μ is a choice of balanced herding alone.", "From 0 to 1")

    def show_notes(self, notes: str) -> None:
        """Show the user's own words."""
        if self.notes.toPlainText() != notes:
            blocked = self.notes.blockSignals(True)
            self.notes.setPlainText(notes)
            self.notes.blockSignals(blocked)

    # --- telling ----------------------------------------------------------------------------------------------

    def _set_sampler(self) -> None:
        self.changed.emit({"sampler": self.sampler.currentData()})

    def _open_help(self) -> None:
        show_sampler_help(self._page, self.sampler.currentData())

    def _use_recommended(self) -> None:
        self.changed.emit({"sampler": RECOMMENDED, "budget_over_classes": "sampler", "beta": 0.25})

    def _set_class_rule(self) -> None:
        self.changed.emit({"budget_over_classes": self.over_classes.currentData()})

    def _set_cluster_rule(self) -> None:
        self._change_own("intelligent", budget_over_clusters=self.over_clusters.currentData())

    def _set_by_hand(self, fractions: object) -> None:
        self.changed.emit({"fraction_by_class": fractions})

    def _set_seed(self, value: int) -> None:
        self.changed.emit({"seed": value})

    def _set_beta(self, value: float) -> None:
        self.changed.emit({"beta": round(value, 4)})

    def _set_mu(self, value: float) -> None:
        self._change_own("balanced-herding", mu=round(value, 4))

    def _change_own(self, sampler: str, **changes: Any) -> None:
        settings = with_own(self._page.model.settings("selection"), sampler, **changes)
        self.changed.emit({"own": settings.own})

    def _set_notes(self) -> None:
        self.noted.emit(self.notes.toPlainText())

    def _set_at_least_one(self, value: bool) -> None:
        self.changed.emit({"at_least_one": value})


def _combo(entries: Mapping[str, str]) -> QComboBox:
    box = QComboBox()
    for name, title in entries.items():
        box.addItem(title, name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(12)
    return box


def _heed(control: QWidget, why_not: str, tip: str) -> None:
    control.setEnabled(not why_not)
    control.setToolTip(why_not or tip)
    control.setAccessibleDescription(why_not or tip)
