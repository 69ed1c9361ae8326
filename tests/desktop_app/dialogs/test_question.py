"""Questions and messages with details."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app.dialogs.question import DetailsDialog, Question

ANSWERS = {"save": "Save", "drop": "Don't save", "stay": "Cancel"}


def test_each_button_is_an_answer(qtbot: QtBot) -> None:
    for answer in ANSWERS:
        question = Question(None, "Save?", "It would be lost.", ANSWERS)
        question.open()
        with qtbot.waitSignal(question.answered) as told:
            question.choose(answer)
        assert told.args == [answer]


def test_escape_is_the_last_answer_and_enter_the_first(qtbot: QtBot) -> None:
    for key, answer in ((Qt.Key.Key_Escape, "stay"), (Qt.Key.Key_Return, "save")):
        question = Question(None, "Save?", "It would be lost.", ANSWERS)
        question.open()
        qtbot.waitExposed(question)
        with qtbot.waitSignal(question.answered) as told:
            qtbot.keyClick(question, key)
        assert told.args == [answer]


def test_names_are_no_markup(qtbot: QtBot) -> None:
    question = Question(None, "Save <b>this & that?", "More.", ANSWERS)
    assert "&lt;b&gt;this &amp; that?" in question.text()
    question.deleteLater()


def test_details_open_and_are_copied(qtbot: QtBot) -> None:
    dialog = DetailsDialog(None, "Action failed", "The file is <gone>.", "Traceback: here")
    dialog.open()
    assert not dialog.details.isVisible()
    dialog.more.click()
    assert dialog.details.isVisible()
    dialog.copy.click()
    assert QGuiApplication.clipboard().text() == "The file is <gone>.\n\nTraceback: here"
    dialog.close()


def test_without_details_nothing_can_be_opened(qtbot: QtBot) -> None:
    dialog = DetailsDialog(None, "Action failed", "The file is gone.", "")
    dialog.open()
    assert not dialog.more.isVisible()
    assert not dialog.copy.isVisible()
    dialog.close()
