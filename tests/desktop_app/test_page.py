"""The base class of the pages, with a small page on top."""

from pathlib import Path
from typing import Any

import engine_functions as engine
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDoubleSpinBox, QLabel
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app.pages.page import Page, PageContext


class FeaturesPage(Page):
    stage = "features"
    title = "Features"
    sentence = "Describe every image by numbers."
    run_text = "Extract"
    sections = ("features",)
    reads = ("dataset",)

    def build(self) -> None:
        self.heard: list[Any] = []
        self.request = engine.Call(engine.add, (2, 3))
        self.variance = QDoubleSpinBox()
        self.variance.valueChanged.connect(self.edit_variance)
        self.add_option("Retained variance", self.variance, "Share of the variance", question="Two sentences. Here.")
        self.add_more_option("", QLabel("seldom"), "")
        self.content = QLabel("content")
        self.set_content(self.content)
        self.set_empty("The curve will stand here.", "Extract", self.try_run)
        self.refreshed = 0

    def why_not(self) -> str:
        return "" if self.model.facts("dataset") is not None else "Scan the images first."

    def refresh(self) -> None:
        self.refreshed += 1
        self.show_value(self.variance, self.model.settings("features").variance)
        self.show_empty(self.model.latest_value("features") is None)

    def edit_variance(self, value: float) -> None:
        self.change_settings("features", variance=value)

    def run(self) -> None:
        self.ask(
            self.request,
            self.take_sum,
            on_part=self.take_part,
            on_failed=self.hear_failure,
            on_cancelled=self.hear_cancel,
            as_step=True,
        )

    def take_part(self, part: Any) -> None:
        self.heard.append(("part", part))

    def take_sum(self, result: Any) -> None:
        self.heard.append(("sum", result))
        self.keep(result, {"sum": result})

    def hear_failure(self) -> None:
        self.heard.append("failed")

    def hear_cancel(self) -> None:
        self.heard.append("cancelled")


@pytest.fixture
def page(page_context: PageContext, qtbot: QtBot) -> FeaturesPage:
    page_context.model.start(Path("/images"))
    page = FeaturesPage(page_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    return page


def scan(page: Page) -> None:
    page.model.store_result("dataset", page.model.key("dataset"), {"images": 3}, content="abc")


def test_run_is_disabled_with_the_reason_as_tooltip(page: FeaturesPage) -> None:
    assert not page.run_button.isEnabled()
    assert page.run_button.toolTip() == "Scan the images first."
    scan(page)
    assert page.run_button.isEnabled()
    assert "(Ctrl+Enter)" in page.run_button.toolTip()


def test_trying_to_run_too_early_says_why(page: FeaturesPage) -> None:
    page.try_run()
    assert page.messages.sentences() == ["Scan the images first."]  # type: ignore[attr-defined]


def test_run_keeps_the_result_under_what_it_was_made_from(page: FeaturesPage, qtbot: QtBot) -> None:
    scan(page)
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    assert page.job_numbers(engine.Call)
    assert not page.run_button.isEnabled()
    page.variance.setValue(0.5)  # while it runs: the result belongs to the choices it was started with
    qtbot.waitUntil(lambda: bool(page.heard))
    assert page.heard == [("sum", 5)]
    assert page.model.state("features") == "stale"
    page.model.undo_stack.undo()
    assert page.model.state("features") == "done"
    assert page.model.facts("features") == {"sum": 5}
    assert page.model.value("features") == 5
    assert page.run_button.isEnabled()
    assert page.variance.value() == pytest.approx(0.95)


def test_the_empty_place_gives_way_to_the_content(page: FeaturesPage, qtbot: QtBot) -> None:
    scan(page)
    assert page.empty.isVisible()
    qtbot.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(page.content.isVisible)


def test_a_failure_is_told_once_and_the_page_goes_on(page: FeaturesPage, qtbot: QtBot) -> None:
    scan(page)
    page.request = engine.Call(engine.fail_on_purpose)
    page.try_run()
    qtbot.waitUntil(lambda: bool(page.heard))
    assert page.heard == ["failed"]
    told = ["The folder holds no image. Choose a folder of class folders."]
    assert page.messages.sentences("error") == told  # type: ignore[attr-defined]
    assert page.run_button.isEnabled()


def test_parts_arrive_in_order_before_the_result(page: FeaturesPage, qtbot: QtBot) -> None:
    scan(page)
    page.request = engine.Call(engine.publish, ((1, "two"),))
    page.try_run()
    qtbot.waitUntil(lambda: len(page.heard) == 3)
    assert page.heard[:2] == [("part", 1), ("part", "two")]


def test_a_cancelled_job_says_so(page: FeaturesPage, qtbot: QtBot) -> None:
    scan(page)
    page.try_run()
    page.service.cancel(page.job_numbers()[0])
    assert page.heard == ["cancelled"]
    assert page.model.state("features") == "ready"


def test_a_value_out_of_range_is_refused_with_a_sentence(page: FeaturesPage) -> None:
    assert not page.change_settings("features", variance=2.0)
    assert "variance must be a fraction above 0" in page.messages.sentences("warning")[0]  # type: ignore[attr-defined]
    assert page.model.settings("features").variance == 0.95


def test_a_hidden_page_is_not_refreshed(page: FeaturesPage) -> None:
    page.leave()
    before = page.refreshed
    page.model.set_settings("features", variance=0.8)
    assert page.refreshed == before
    page.enter()
    assert page.variance.value() == pytest.approx(0.8)


def test_a_result_that_is_not_in_memory_is_restored_on_entering(
    page: FeaturesPage, qtbot: QtBot, tmp_path: Path
) -> None:
    scan(page)
    page.leave()
    page.model.store_result("features", page.model.key("features"), {"sum": 5})
    page.enter()
    assert not page.job_numbers()  # the images are not there
    page.leave()
    page.model.locate(tmp_path)
    page.enter()
    assert page.job_numbers(engine.Call)
    qtbot.waitUntil(lambda: page.model.value("features") == 5)


def test_controls_carry_names_and_tips(page: FeaturesPage) -> None:
    assert page.variance.accessibleName() == "Retained variance"
    assert page.variance.toolTip() == "Share of the variance"
    assert page.accessibleName() == "Features"
