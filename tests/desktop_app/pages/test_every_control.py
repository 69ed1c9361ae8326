"""Every setting has its place in the window, and every control made from facts does what a user expects of it."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QSpinBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from coreset_studio.core.descriptions import registry
from coreset_studio.core.project import STAGES, Project
from coreset_studio.core.settings.listed import Setting, all_settings, settings_in
from coreset_studio.core.settings.own import kind_of
from coreset_studio.desktop_app.pages import STEPS
from coreset_studio.desktop_app.pages.compare_search import SearchSheet
from coreset_studio.desktop_app.pages.coreset_export import ExportSheet
from coreset_studio.desktop_app.pages.page import Page, PageContext
from coreset_studio.desktop_app.widgets.check_group import CheckGroup
from coreset_studio.desktop_app.widgets.file_field import FileField

IN_SHEETS = ("export",)
FEATURES = Path(__file__).parents[2] / "golden" / "features-file" / "features.npy"
PageMaker = Callable[[str], Page]


@pytest.fixture
def make_page(clustered_context: PageContext, qtbot: QtBot) -> Iterator[PageMaker]:
    """A function that makes the page of a stage on the clustered demo, and shows it with all of "More" open."""
    pages = []

    def make(stage: str) -> Page:
        page = STEPS[list(STAGES).index(stage)].make_page(clustered_context)
        qtbot.addWidget(page)
        page.resize(1200, 900)
        page.show()
        qtbot.waitExposed(page)
        page.enter()
        qtbot.waitUntil(lambda: not page.job_numbers())
        if stage == "clusters":
            qtbot.waitUntil(page.content.isVisible)  # type: ignore[attr-defined]
        page.option_column.more_button.setChecked(True)
        QApplication.processEvents()  # what is shown now takes its place
        pages.append(page)
        return page

    yield make
    for page in pages:  # what is still to come finds nobody to show it, as the plugin may be gone by then
        page.leave()


@pytest.fixture(params=["the program alone", "with the example plugin"])
def with_and_without_plugin(request: pytest.FixtureRequest) -> None:
    if request.param != "the program alone":
        request.getfixturevalue("example_plugin")


def choose_owner(page: Page, setting: Setting) -> None:
    """Choose whatever the setting is of, so that its control is there and can be changed."""
    model = page.model
    choosing = settings_of_kind(kind_of(model.settings(setting.section))) if setting.owner else ()
    for named in choosing:
        value = (setting.owner,) if named.is_list else setting.owner
        if setting.owner in named.names:
            model.put_settings(named.section, getattr(named.put(model.project.settings, value), named.section))
    if setting.where == "selection.seed":
        model.put_settings("selection", replace(model.settings("selection"), sampler="random"))
    if setting.name == "beta":
        selection = replace(model.settings("selection"), sampler="intelligent", budget_over_classes="difficulty")
        model.put_settings("selection", selection)
    if setting.name == "drop_leaks":
        model.put_settings("data", replace(model.settings("data"), drop_leaks=True))


def settings_of_kind(kind: str) -> Iterator[Setting]:
    """Yield the settings that choose descriptions of a kind."""
    return (setting for setting in all_settings() if setting.facts.kind == kind and not setting.owner)


def words_of(widget: QWidget) -> Any:
    """Return what a control shows."""
    if isinstance(widget, CheckGroup):
        return widget.names
    if isinstance(widget, QComboBox):
        return widget.currentData()
    if isinstance(widget, QCheckBox):
        return widget.isChecked()
    if isinstance(widget, FileField):
        return widget.words.text()
    assert isinstance(widget, QAbstractSpinBox | QLineEdit)
    return widget.text()


# Settings whose text has a grammar of its own; any other takes numbers, and texts.
WRITTEN = {
    "grey_levels": "0:4095, 16-bit-png=0:99",
    "alpha": "ignore",
    "pages": "max",
    "window": "40:400",
    "channels": "3,1",
}


def change_by_keys(widget: QWidget, qtbot: QtBot, words: str = "5, 37") -> None:
    """Change what a control shows, as somebody does who has a keyboard alone."""
    target: QWidget = widget
    if isinstance(widget, FileField):
        before = widget.words.text()
        widget.chosen.emit(str(FEATURES.with_suffix(".csv" if "paths" in widget.objectName() else ".npy")))
        qtbot.waitUntil(lambda: widget.words.text() != before, timeout=60_000)
        return
    if isinstance(widget, CheckGroup):
        target = next(box for box in widget.boxes.values() if not box.isChecked())
    if not widget.isVisible():  # the clusters of another project are not there yet, and what stands among them
        assert isinstance(widget, QSpinBox)
        widget.stepBy(1)
        return
    target.setFocus()
    qtbot.waitUntil(target.hasFocus)
    if isinstance(target, QCheckBox):
        qtbot.keyClick(target, Qt.Key.Key_Space)
    elif isinstance(target, QComboBox):
        is_last = target.currentIndex() == target.count() - 1
        qtbot.keyClick(target, Qt.Key.Key_Up if is_last else Qt.Key.Key_Down)
    elif isinstance(target, QSpinBox | QDoubleSpinBox):
        is_most = target.value() == target.maximum()
        qtbot.keyClick(target, Qt.Key.Key_Down if is_most else Qt.Key.Key_Up)
    elif isinstance(target, QLineEdit):
        target.selectAll()
        qtbot.keyClicks(target, words)
        qtbot.keyClick(target, Qt.Key.Key_Return)


def type_something(widget: QWidget, qtbot: QtBot) -> bool:
    """Type into a control without Enter; return whether it takes words at all."""
    if not isinstance(widget, QLineEdit | QAbstractSpinBox) or not widget.isVisible():
        return False
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    widget.selectAll()
    qtbot.keyClicks(widget, "7")
    return True


# --- a place for each --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("with_and_without_plugin")
def test_every_setting_has_a_place(make_page: PageMaker, qtbot: QtBot, tmp_path: Any) -> None:
    found: dict[str, str] = {}
    for stage in STAGES:
        page = make_page(stage)
        for where, widget in page.controls.placed.items():
            assert where not in found, f"{where} stands on {found.get(where)} and on {stage}"
            found[where] = stage
            assert page.isAncestorOf(widget), f"{where} is not on its page"
        for where, control in page.controls.made.items():
            assert control.can_be_edited, f"{where} is shown and cannot be changed"
    page = make_page("compare")
    export = ExportSheet(page.model.settings("export"), tmp_path / "out", 3)
    search = SearchSheet(page.study().settings, page)
    qtbot.addWidget(export)
    for sheet in (export, search):
        for control in sheet.controls.values():
            assert sheet.isAncestorOf(control.widget)
            found[control.setting.where] = "sheet"
    assert set(found) == {setting.where for setting in all_settings()}


@pytest.mark.slow
@pytest.mark.usefixtures("with_and_without_plugin")
@pytest.mark.parametrize("stage", STAGES)
def test_a_control_is_in_reach_named_and_explained(make_page: PageMaker, stage: str) -> None:
    page = make_page(stage)
    for where, control in page.controls.made.items():
        choose_owner(page, control.setting)
        # An own setting of a source is shown for images of that source alone; see the tests of the example.
        assert control.widget.isVisible() or (control.setting.section == "data" and control.setting.owner), where
        assert control.widget.accessibleName() == control.title, where
        assert control.widget.toolTip(), where
        assert control.widget.accessibleDescription(), where
        if isinstance(control.widget, QCheckBox):
            assert " ".join(control.widget.text().split()) == control.title


@pytest.mark.slow
@pytest.mark.usefixtures("with_and_without_plugin")
@pytest.mark.parametrize("stage", STAGES)
def test_options_are_as_wide_as_their_column(make_page: PageMaker, stage: str) -> None:
    page = make_page(stage)

    def assert_fits(where: str) -> None:
        QApplication.processEvents()
        inside = page.option_column.widget()
        assert inside.width() <= page.option_column.viewport().width(), where

    for control in page.controls.made.values():
        choose_owner(page, control.setting)
        assert_fits(control.setting.where)
    page.resize(800, 600)
    assert_fits("a narrow page")
    page.option_column.more_button.setChecked(False)
    assert_fits("a narrow page without more")


# --- changing ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("with_and_without_plugin")
@pytest.mark.parametrize("stage", STAGES)
def test_a_change_is_made_undone_made_again_and_of_one_project(make_page: PageMaker, qtbot: QtBot, stage: str) -> None:
    page = make_page(stage)
    model = page.model
    for where, control in page.controls.made.items():
        setting = control.setting
        choose_owner(page, setting)
        if setting.section == "data" and setting.owner:
            continue  # shown for images of that source alone
        before, shown_before = setting.value(model.project.settings), words_of(control.widget)
        n_steps = model.undo_stack.count()
        change_by_keys(control.widget, qtbot, WRITTEN.get(setting.name, "5, 37"))
        after, shown_after = setting.value(model.project.settings), words_of(control.widget)
        assert after != before, f"{where} did not change"
        assert shown_after != shown_before
        assert model.undo_stack.count() == n_steps + 1
        assert setting.facts.title in model.undo_stack.undoText(), where
        model.undo_stack.undo()
        assert setting.value(model.project.settings) == before, f"{where} was not taken back"
        assert words_of(control.widget) == shown_before, f"{where} does not follow undo"
        model.undo_stack.redo()
        assert words_of(control.widget) == shown_after, f"{where} does not follow redo"
        model.undo_stack.undo()
        model.undo_stack.clear()


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_another_project_shows_its_own_value_over_what_is_being_typed(
    make_page: PageMaker, qtbot: QtBot, stage: str
) -> None:
    page = make_page(stage)
    model = page.model
    for where, control in page.controls.made.items():
        if control.setting.section == "data" and control.setting.owner:
            continue  # shown for images of that source alone
        choose_owner(page, control.setting)
        change_by_keys(control.widget, qtbot)
        other, shown_other = model.project.settings, words_of(control.widget)
        model.undo_stack.undo()
        is_typed = type_something(control.widget, qtbot)
        assert not is_typed or words_of(control.widget) != shown_other
        source = model.project.source
        model.recover(Project(source=source, settings=other), None)
        assert words_of(control.widget) == shown_other, f"{where} shows what was typed in the project before"
        page.setFocus()
        assert control.setting.value(model.project.settings) == control.setting.value(other), where
        qtbot.waitUntil(lambda: not page.job_numbers())


def test_what_is_being_typed_stays_while_results_come_in(make_page: PageMaker, qtbot: QtBot) -> None:
    page = make_page("compare")
    for where in ("training.batch_size", "comparison.fractions"):
        widget = page.controls.made[where].widget
        assert type_something(widget, qtbot)
        typed = words_of(widget)
        page._refresh_if_shown()
        assert words_of(widget) == typed


def test_a_text_that_was_taken_follows_undo_while_it_has_the_focus(make_page: PageMaker, qtbot: QtBot) -> None:
    page = make_page("compare")
    fractions = page.controls.made["comparison.fractions"].widget
    assert isinstance(fractions, QLineEdit)
    fractions.setFocus()
    fractions.selectAll()
    qtbot.keyClicks(fractions, "5; 20 %, 100")
    qtbot.keyClick(fractions, Qt.Key.Key_Return)
    assert page.model.settings("comparison").fractions == (0.05, 0.2, 1.0)
    assert fractions.text() == "5, 20, 100"
    page.model.undo_stack.undo()
    assert fractions.text() == "25, 100"
    page.setFocus()
    assert page.model.settings("comparison").fractions == (0.25, 1.0), "leaving the field takes nothing back again"


@pytest.mark.parametrize("typed", ["a half", "nan", "0", "101", ""])
def test_fractions_that_cannot_be_are_told_and_taken_back(make_page: PageMaker, qtbot: QtBot, typed: str) -> None:
    page = make_page("compare")
    fractions = page.controls.made["comparison.fractions"].widget
    assert isinstance(fractions, QLineEdit)
    fractions.setFocus()
    fractions.selectAll()
    qtbot.keyClick(fractions, Qt.Key.Key_Backspace)
    qtbot.keyClicks(fractions, typed)
    qtbot.keyClick(fractions, Qt.Key.Key_Return)
    assert fractions.text() == "25, 100"
    assert page.model.settings("comparison").fractions == (0.25, 1.0)
    (sentence,) = page.messages.sentences("warning")  # type: ignore[attr-defined]
    if typed == "a half":
        assert sentence == (
            "Fractions of the pool, in percent: “a half” is not valid; expected numbers in percent separated by "
            "commas, such as 25, 100."
        )


def test_changes_of_one_number_are_one_step_and_of_two_are_two(make_page: PageMaker) -> None:
    page = make_page("compare")
    page.model.put_settings("comparison", replace(page.model.settings("comparison"), networks=("transfer", "head")))
    made = page.controls.made
    for value in (40, 41, 42):
        made["training.batch_size"].widget.setValue(value)  # type: ignore[attr-defined]
    assert page.model.undo_stack.count() == 1
    owned = [each for each in settings_in("training") if each.owner and each.plain_kind is str]
    assert len(owned) == 2, "the backbone, and the features of the linear probe"
    for setting in owned:
        choice = made[setting.where].widget
        assert isinstance(choice, QComboBox)
        choice.setCurrentIndex(choice.currentIndex() + 1 if choice.currentIndex() == 0 else 0)
    assert page.model.undo_stack.count() == 3


def test_what_is_typed_counts_when_the_step_is_run(make_page: PageMaker, qtbot: QtBot) -> None:
    """Not every system gives a button the focus that is pressed."""
    page = make_page("compare")
    page.run_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    page.run = lambda: None  # type: ignore[method-assign]
    for where in ("training.batch_size", "comparison.fractions"):
        control = page.controls.made[where]
        assert type_something(control.widget, qtbot)
        assert control.widget.hasFocus()
        page.try_run()
    assert page.model.settings("training").batch_size == 7
    assert page.model.settings("comparison").fractions == (0.07,)


# --- the column --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "clusters"])
def test_tab_walks_down_the_column(make_page: PageMaker, stage: str) -> None:
    page = make_page(stage)
    inside = page.option_column.widget()
    heights, widget = [], page.run_button.nextInFocusChain()
    while widget is not page.run_button:
        takes_tab = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None
        if inside.isAncestorOf(widget) and widget.isVisible() and widget.isEnabled() and takes_tab:
            heights.append(widget.mapTo(inside, QPoint(0, widget.height() // 2)).y() // 20)
        widget = widget.nextInFocusChain()
    assert len(heights) > 3
    # What explains a label stands above the control, and is reached after it.
    assert all(after >= before - 2 for before, after in itertools.pairwise(heights)), heights


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["dataset", "coreset", "compare"])
def test_the_wheel_changes_only_what_has_the_focus(make_page: PageMaker, qtbot: QtBot, stage: str) -> None:
    page = make_page(stage)
    page.setFocus()
    turned = 0
    for where, control in page.controls.made.items():
        widget = control.widget
        if not isinstance(widget, QAbstractSpinBox | QComboBox) or not (widget.isVisible() and widget.isEnabled()):
            continue
        shown = words_of(widget)
        turn_wheel(widget)
        assert words_of(widget) == shown, where
        widget.setFocus()
        qtbot.waitUntil(widget.hasFocus)
        turn_wheel(widget)
        turned += words_of(widget) != shown
        page.setFocus()
    assert turned


def turn_wheel(widget: QWidget) -> None:
    at = QPointF(widget.rect().center())
    for up in (-120, 240):
        event = QWheelEvent(
            at, widget.mapToGlobal(at), QPoint(), QPoint(0, up), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "where", "value", "words"),
    [
        ("dataset", "data.test_fraction", 0.3, "30 %"), ("dataset", "data.test_fraction", 0.125, "12.5 %"),
        ("features", "features.variance", 0.95, "95 %"), ("features", "features.variance", 0.999, "99.9 %"),
        ("clusters", "clusters.k_max", 4, "4"), ("clusters", "clusters.seed", 7, "7"),
        ("compare", "training.learning_rate", 0.002, "0.002"), ("compare", "training.norm_momentum", 0.9, "0.9"),
        ("compare", "comparison.difference_of_interest", 0.01, "1.0 points"), ("compare", "training.dropout", 0, "0"),
        ("dataset", "data.near_duplicate_bits", 2, "2 bits"),
    ],
)  # fmt: skip
def test_numbers_have_their_units_and_no_idle_digits(
    make_page: PageMaker, stage: str, where: str, value: float, words: str
) -> None:
    page = make_page(stage)
    control = page.controls.made[where]
    section = control.setting.section
    page.model.put_settings(section, getattr(control.setting.put(page.model.project.settings, value), section))
    assert words_of(control.widget) == words


# --- what is not here --------------------------------------------------------------------------------------------


def test_names_that_are_not_known_stay_until_they_are_taken_away(make_page: PageMaker, qtbot: QtBot) -> None:
    """A project of a machine with plugins loses none of their names by a change of something else."""
    page = make_page("compare")
    comparison = replace(page.model.settings("comparison"), samplers=("random", "elsewhere"))
    page.model.put_settings("comparison", comparison)
    group = page.controls.made["comparison.samplers"].widget
    assert isinstance(group, CheckGroup)
    gone = group.boxes["elsewhere"]
    assert (gone.text(), gone.isChecked()) == ("elsewhere (missing)", True)
    sentence = registry("sampler").unknown("elsewhere")
    assert gone.toolTip() == sentence
    group.boxes["herding"].click()
    assert set(page.model.settings("comparison").samplers) == {"random", "herding", "elsewhere"}
    assert page.why_not() == sentence
    gone.click()
    assert set(page.model.settings("comparison").samplers) == {"random", "herding"}
    assert "elsewhere" not in group.boxes
    assert page.why_not() != sentence


def test_a_missing_choice_is_offered_only_while_it_is_chosen(make_page: PageMaker) -> None:
    page = make_page("coreset")
    sampler = page.controls.made["selection.sampler"].widget
    assert isinstance(sampler, QComboBox)
    page.model.put_settings("selection", replace(page.model.settings("selection"), sampler="elsewhere"))
    assert sampler.currentText() == "elsewhere (missing)"
    assert page.why_not() == registry("sampler").unknown("elsewhere")
    page.model.put_settings("selection", replace(page.model.settings("selection"), sampler="random"))
    assert [sampler.itemData(row) for row in range(sampler.count())] == list(registry("sampler"))


def test_a_missing_extractor_is_named_and_can_be_taken_away(make_page: PageMaker, qtbot: QtBot) -> None:
    page = make_page("features")
    features = replace(page.model.settings("features"), extractors=("colour-texture", "elsewhere"))
    page.model.put_settings("features", features)
    sentence = registry("extractor").unknown("elsewhere")
    assert page.why_not() == sentence
    box = page.extractors.row("elsewhere")  # type: ignore[attr-defined]
    assert (box.text(), box.isChecked(), box.toolTip()) == ("elsewhere (missing)", True, sentence)
    page._looked_for = ""  # type: ignore[attr-defined]
    page._refresh_if_shown()
    qtbot.waitUntil(lambda: not page.job_numbers())
    assert page.messages.sentences("error") == []  # type: ignore[attr-defined]
    box.click()
    assert page.model.settings("features").extractors == ("colour-texture",)
    assert page.why_not() == ""
