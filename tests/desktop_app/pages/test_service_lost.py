"""What the pages say and do when the selection service, a real process, is killed or a request to it cancelled."""

import os
import signal
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest
from pytestqt.qtbot import QtBot

from coreset_studio.core.service.messages import Cancelled
from coreset_studio.core.service.selection_requests import ChooseCoreset, MeasureCoverage
from coreset_studio.desktop_app.pages.clusters import ClustersPage
from coreset_studio.desktop_app.pages.coreset import CoresetPage
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
Children = Callable[[], list[psutil.Process]]
LONG = 60_000


@pytest.fixture
def page(real_context: PageContext, qtbot: QtBot) -> Iterator[CoresetPage]:
    page = CoresetPage(real_context)
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: covered(page), timeout=LONG)
    yield page
    page.leave()


def covered(page: CoresetPage) -> bool:
    asked = page.is_answered and page.model.state("coreset") == "done"
    return asked and page.summary is not None and page.summary.coverage is not None


def fraction(page: CoresetPage) -> float:
    assert page.summary is not None
    return page.summary.coreset.fraction


def button(strip: MessageStrip) -> str:
    return strip.action_button.text() if strip.isVisible() else ""


@pytest.mark.slow
@posix
def test_a_service_killed_while_nobody_asks_is_told_and_the_next_choice_comes_from_a_fresh_one(
    page: CoresetPage, qtbot: QtBot, engine_children: Children
) -> None:
    (engine,) = engine_children()
    with qtbot.waitSignal(page.service.selection.restarted, timeout=LONG) as told:
        os.kill(engine.pid, signal.SIGKILL)
    assert "SIGKILL" in told.args[0]
    assert "restarted" in told.args[0]
    assert not page.content.unanswered.isVisible()
    page.options.size.fraction_changed.emit(0.3)
    qtbot.waitUntil(lambda: covered(page), timeout=LONG)
    assert fraction(page) == pytest.approx(0.3, abs=0.02)
    (fresh,) = engine_children()
    assert fresh.pid != engine.pid
    assert page.content.sentence.text() == page.model.facts("coreset")["sentence"]


@pytest.mark.slow
@posix
def test_a_service_killed_at_work_is_told_on_the_page_which_asks_again(
    page: CoresetPage, qtbot: QtBot, engine_children: Children
) -> None:
    (engine,) = engine_children()
    engine.suspend()  # as if it were long at work
    page.change_settings("selection", fraction=0.2, sampler="balanced-herding")
    assert page.questions.is_waiting(ChooseCoreset)
    page._show_slow()
    qtbot.wait(100)  # the question has gone out
    os.kill(engine.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: page.content.unanswered.isVisible(), timeout=LONG)
    assert "SIGKILL" in page.content.unanswered.text
    assert "choosing" not in page.content.sentence.text()
    qtbot.waitUntil(lambda: button(page.content.unanswered) == "Select again", timeout=LONG)  # by the fresh one
    assert [text for text in page.messages.sentences("warning") if "SIGKILL" in text]
    page.content.unanswered.action_triggered.emit()
    qtbot.waitUntil(lambda: covered(page), timeout=LONG)
    assert fraction(page) == pytest.approx(0.2, abs=0.02)
    assert page.summary is not None
    assert page.summary.coreset.sampler == "balanced-herding"
    assert not page.content.unanswered.isVisible()


@pytest.mark.slow
@posix
def test_a_cancelled_choice_is_told_and_can_be_asked_for_again(
    page: CoresetPage, qtbot: QtBot, engine_children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coreset_studio.core.service.processes.GRACE_SECONDS", 0.2)
    (engine,) = engine_children()
    engine.suspend()  # one that does not listen is ended with its process
    page.change_settings("selection", fraction=0.2)
    page._show_slow()
    (number,) = page.questions.waiting(ChooseCoreset)
    page.service.selection.cancel(number)
    qtbot.waitUntil(lambda: page.content.unanswered.isVisible(), timeout=LONG)
    assert page.content.unanswered.text == "The selection was cancelled."
    assert "choosing" not in page.content.sentence.text()
    assert not page.messages.sentences("error")
    page.content.unanswered.action_triggered.emit()
    qtbot.waitUntil(lambda: covered(page), timeout=LONG)
    assert page.service._thread._deaths == 0


@pytest.mark.slow
@posix
def test_a_cancelled_measuring_leaves_the_choice_and_can_be_asked_for_again(
    page: CoresetPage, qtbot: QtBot, engine_children: Children
) -> None:
    (engine,) = engine_children()
    engine.suspend()
    page._ask_coverage()
    (number,) = page.questions.waiting(MeasureCoverage)
    page.service.selection._on_replied(page.service.selection._build, number, Cancelled())
    assert button(page.content.unanswered) == "Measure again"
    assert page.content.covered.text() == "Coverage was not measured."
    page.content.unanswered.action_triggered.emit()
    engine.resume()
    qtbot.waitUntil(lambda: page.content.covered.text().startswith("The least covered image"), timeout=LONG)
    assert not page.content.unanswered.isVisible()


@pytest.mark.slow
def test_a_service_cancelled_while_it_is_built_leaves_an_offer(real_context: PageContext, qtbot: QtBot) -> None:
    page = CoresetPage(real_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    page.service.selection.cancel(0)
    qtbot.waitUntil(lambda: page.empty.button.isVisible(), timeout=LONG)
    assert "The selection was cancelled" in page.empty.sentence
    assert not page.questions.is_waiting(ChooseCoreset)
    page.empty.button.click()
    qtbot.waitUntil(lambda: covered(page), timeout=LONG)
    page.leave()


@pytest.mark.slow
def test_reading_the_clusters_can_be_cancelled_and_asked_for_again(real_context: PageContext, qtbot: QtBot) -> None:
    page = ClustersPage(real_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    page.service.selection.cancel(0)
    qtbot.waitUntil(lambda: page.empty.button.isVisible(), timeout=LONG)
    assert "cancelled" in page.empty.sentence
    page.empty.button.click()
    qtbot.waitUntil(lambda: page.summary is not None, timeout=LONG)
    page.leave()
