from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLabel, QToolButton, QToolTip

from coreset_studio.desktop_app.widgets.card import Card, Sheet
from coreset_studio.desktop_app.widgets.empty_state import EmptyState
from coreset_studio.desktop_app.widgets.job_bar import JobBar
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.question_mark import QuestionMark
from coreset_studio.desktop_app.widgets.step_list import StepList

STEPS = ("Dataset", "Features", "Clusters", "Coreset", "Compare")


class TestJobBar:
    def test_shows_what_runs_and_tells_of_cancel_once(self, qtbot) -> None:
        bar = JobBar()
        qtbot.addWidget(bar)
        bar.show()
        assert not bar.is_running
        bar.show_progress("Clustering eosinophil · 3 of 8 classes", 3, 8, 42)
        assert bar.is_running
        assert bar.progress.value() == 375
        assert bar.left.text() == "about 40 s left"
        with qtbot.waitSignal(bar.cancel_requested):
            qtbot.mouseClick(bar.cancel, Qt.MouseButton.LeftButton)
        assert not bar.cancel.isEnabled()
        assert bar.left.text() == "stopping"

    def test_an_unknown_amount_runs_to_and_fro(self, qtbot) -> None:
        bar = JobBar()
        qtbot.addWidget(bar)
        bar.show_progress("Reading", 0, 0)
        assert (bar.progress.minimum(), bar.progress.maximum()) == (0, 0)

    def test_the_next_job_can_be_cancelled_again(self, qtbot) -> None:
        bar = JobBar()
        qtbot.addWidget(bar)
        bar.show_progress("One", 1, 2)
        qtbot.mouseClick(bar.cancel, Qt.MouseButton.LeftButton)
        bar.show_message("Cancelled.")
        bar.show_progress("Two", 1, 2)
        assert bar.cancel.isEnabled()

    def test_says_what_came_out_and_what_next(self, qtbot) -> None:
        bar = JobBar()
        qtbot.addWidget(bar)
        bar.show_message("8 classes clustered.", "Choose a coreset")
        with qtbot.waitSignal(bar.action_triggered):
            qtbot.mouseClick(bar.action, Qt.MouseButton.LeftButton)
        bar.show_message("")
        assert bar.action.isHidden()

    def test_keeps_its_height_so_that_nothing_jumps(self, qtbot) -> None:
        bar = JobBar()
        qtbot.addWidget(bar)
        idle = bar.sizeHint().height()
        bar.show_progress("One", 1, 2)
        assert bar.sizeHint().height() == idle


class TestStepList:
    def test_mouse_and_arrow_keys_choose_steps(self, qtbot) -> None:
        steps = StepList(STEPS)
        qtbot.addWidget(steps)
        steps.show()
        with qtbot.waitSignal(steps.step_chosen) as signal:
            place = steps.visualItemRect(steps.item(2)).center()
            qtbot.mouseClick(steps.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert signal.args == [2]
        with qtbot.waitSignal(steps.step_chosen) as signal:
            qtbot.keyClick(steps, Qt.Key.Key_Down)
        assert signal.args == [3]

    def test_showing_the_current_step_sends_no_signal(self, qtbot) -> None:
        steps = StepList(STEPS)
        qtbot.addWidget(steps)
        with qtbot.assertNotEmitted(steps.step_chosen):
            steps.set_current(4)
        assert steps.currentRow() == 4

    def test_state_is_told_in_words_too(self, qtbot) -> None:
        steps = StepList(STEPS)
        qtbot.addWidget(steps)
        steps.set_state(1, "stale")
        assert steps.step_state(1) == "stale"
        spoken = steps.item(1).data(Qt.ItemDataRole.AccessibleTextRole)
        assert spoken.startswith("Step 2, Features: outdated")
        assert "Ctrl+2" in steps.item(1).toolTip()

    def test_a_step_that_cannot_be_taken_says_why(self, qtbot) -> None:
        steps = StepList(STEPS)
        qtbot.addWidget(steps)
        steps.show()
        steps.set_available(4, available=False, why_not="Choose a coreset first.")
        with qtbot.assertNotEmitted(steps.step_chosen):
            place = steps.visualItemRect(steps.item(4)).center()
            qtbot.mouseClick(steps.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert steps.item(4).toolTip() == "Choose a coreset first."
        steps.set_available(4, available=True)
        assert "Ctrl+5" in steps.item(4).toolTip()


class TestMessageStrip:
    def test_is_hidden_until_it_has_something_to_say(self, qtbot) -> None:
        strip = MessageStrip()
        qtbot.addWidget(strip)
        assert strip.isHidden()
        strip.show_message("warning", "3 images stand under two classes.", "Show them")
        assert not strip.isHidden()
        assert strip.accessibleName() == "Warning: 3 images stand under two classes."

    def test_action_and_cross(self, qtbot) -> None:
        strip = MessageStrip()
        qtbot.addWidget(strip)
        strip.show_message("info", "Computed with an untrained backbone.", "Reason")
        with qtbot.waitSignal(strip.action_triggered):
            qtbot.mouseClick(strip.action_button, Qt.MouseButton.LeftButton)
        with qtbot.waitSignal(strip.closed):
            qtbot.mouseClick(strip.findChild(QToolButton), Qt.MouseButton.LeftButton)
        assert strip.isHidden()
        assert strip.text == ""


class TestEmptyState:
    def test_button_fills_the_place(self, qtbot) -> None:
        empty = EmptyState("images", "No images yet", "Choose a folder")
        qtbot.addWidget(empty)
        with qtbot.waitSignal(empty.action_triggered):
            qtbot.mouseClick(empty.button, Qt.MouseButton.LeftButton)

    def test_a_button_that_is_off_says_why(self, qtbot) -> None:
        empty = EmptyState("images", "No images yet", "Choose a folder")
        qtbot.addWidget(empty)
        empty.set_content("Clusters will stand here.", "Cluster", why_not="Extract features first.")
        assert not empty.button.isEnabled()
        assert empty.button.toolTip() == "Extract features first."
        assert empty.accessibleName() == "Clusters will stand here."

    def test_a_long_sentence_is_not_cut(self, qtbot) -> None:
        empty = EmptyState("images", "One two three four five six seven eight nine ten. " * 6, "Go")
        qtbot.addWidget(empty)
        empty.resize(500, 400)
        empty.show()
        label = next(w for w in empty.findChildren(QLabel) if w.text())
        assert label.height() >= label.heightForWidth(label.width())


class TestQuestionMark:
    def test_opens_by_mouse_and_key(self, qtbot) -> None:
        mark = QuestionMark("It is a share. It lies between 0 and 1.", about="Fraction")
        qtbot.addWidget(mark)
        mark.show()
        assert mark.accessibleName() == "What is Fraction?"
        for press in (
            lambda: qtbot.mouseClick(mark, Qt.MouseButton.LeftButton),
            lambda: qtbot.keyClick(mark, Qt.Key.Key_Space),
        ):
            QToolTip.hideText()
            press()
            qtbot.waitUntil(QToolTip.isVisible)
            assert "It is a share." in QToolTip.text()
        QToolTip.hideText()


class TestCardAndSheet:
    def test_card_has_its_heading_as_name_and_explains_itself(self, qtbot) -> None:
        card = Card("Silhouette", "How far apart clusters are. Between -1 and 1.")
        qtbot.addWidget(card)
        content = QLabel("content")
        card.add(content)
        assert card.accessibleName() == "Silhouette"
        assert card.findChild(QuestionMark).explanation.startswith("How far apart")
        assert content.parent() is card
        card.set_title("Sizes")
        assert card.accessibleName() == "Sizes"

    def test_sheet_waits_until_the_problem_is_solved(self, qtbot) -> None:
        sheet = Sheet("Export", "479 images are copied.", "Export")
        qtbot.addWidget(sheet)
        sheet.show()
        sheet.set_problem("The folder is not empty.")
        assert not sheet.accept_button.isEnabled()
        assert sheet.accept_button.toolTip() == "The folder is not empty."
        sheet.set_problem("")
        with qtbot.waitSignal(sheet.accepted):
            qtbot.mouseClick(sheet.accept_button, Qt.MouseButton.LeftButton)
        assert sheet.result() == QDialog.DialogCode.Accepted

    def test_escape_leaves_the_sheet(self, qtbot) -> None:
        sheet = Sheet("Export", "", "Export")
        qtbot.addWidget(sheet)
        sheet.show()
        with qtbot.waitSignal(sheet.rejected):
            qtbot.keyClick(sheet, Qt.Key.Key_Escape)
