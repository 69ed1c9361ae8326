"""The scheduler in the settings: what is entered, why it cannot be used, the test, and who gets it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from coreset_studio.core.cluster.local import local_cluster
from coreset_studio.core.errors import ClusterError
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.service.cluster_requests import ReachScheduler, SchedulerChoice
from coreset_studio.core.service.feature_requests import ComputeFeatures
from coreset_studio.desktop_app.dialogs.scheduler_dialog import SchedulerDialog
from coreset_studio.desktop_app.dialogs.settings_dialog import SettingsDialog
from coreset_studio.desktop_app.pages.page import PageContext


@pytest.fixture
def dialog(page_context: PageContext, qtbot: QtBot) -> Iterator[SchedulerDialog]:
    dialog = SchedulerDialog(SchedulerChoice(), page_context.service)
    dialog.show()
    yield dialog
    dialog.close()


def test_without_an_address_there_is_nothing_to_test(dialog: SchedulerDialog) -> None:
    assert dialog.save.isEnabled()
    assert not dialog.problem.isVisible()
    assert not dialog.test.isEnabled()
    assert dialog.test.toolTip() == "Enter an address"


def test_what_cannot_be_used_is_said_while_it_is_typed(dialog: SchedulerDialog, tmp_path: Path, qtbot: QtBot) -> None:
    qtbot.keyClicks(dialog.address, "nonsense")
    assert "'nonsense' is not the address of a scheduler; expected HOST:PORT" in dialog.problem.text()
    assert not dialog.save.isEnabled()
    assert not dialog.test.isEnabled()
    dialog.address.setText("tls://10.0.0.5:8786")
    assert dialog.problem.text() == "This address is encrypted, which requires the three TLS files; choose them."
    file = tmp_path / "ca.pem"
    file.touch()
    dialog.fields["tls_ca"].chosen.emit(str(file))
    assert dialog.fields["tls_ca"].words.text() == "ca.pem"
    assert dialog.problem.text() == "TLS requires three files; Certificate and Key are missing."
    dialog.fields["tls_cert"].chosen.emit(str(file))
    dialog.fields["tls_key"].chosen.emit(str(tmp_path / "gone.pem"))
    assert "gone.pem is no file" in dialog.problem.text()
    dialog.fields["tls_key"].chosen.emit(str(file))
    assert not dialog.problem.isVisible()
    assert dialog.save.isEnabled()
    dialog.address.clear()
    assert "TLS files are chosen without an address" in dialog.problem.text()
    for field in dialog.fields.values():
        qtbot.mouseClick(field.remove, Qt.MouseButton.LeftButton)
    assert dialog.choice() == SchedulerChoice()
    assert dialog.save.isEnabled()


def test_a_scheduler_that_does_not_answer_is_told(
    dialog: SchedulerDialog, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(request: ReachScheduler, progress: Progress) -> str:
        if request.choice.address == "127.0.0.1:9":
            raise ClusterError("The scheduler at tcp://127.0.0.1:9 did not answer within 10 seconds.")
        return "The scheduler answered: 2 workers."

    monkeypatch.setattr(ReachScheduler, "run", run)
    dialog.address.setText("127.0.0.1:9")
    qtbot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "did not answer within" in dialog.strip.text, timeout=20_000)
    assert dialog.test.isEnabled()
    dialog.address.setText("127.0.0.1:10")
    assert dialog.strip.text == ""
    qtbot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
    assert dialog.busy.isVisible()
    assert not dialog.test.isEnabled()
    qtbot.waitUntil(lambda: dialog.strip.text == "The scheduler answered: 2 workers.")
    assert not dialog.busy.isVisible()
    qtbot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
    dialog.busy.cancel.click()
    assert dialog.strip.text == ""
    assert dialog.test.isEnabled()


@pytest.mark.slow
def test_a_scheduler_with_workers_is_told() -> None:
    with local_cluster(1) as running:
        address = running.scheduler_address
        said = ReachScheduler(SchedulerChoice(address)).run(NO_PROGRESS)
    assert said.startswith(f"The scheduler answered: 1 worker of {address} (1 × ")


def test_what_is_saved_is_used_by_the_next_extraction(page_context: PageContext, qtbot: QtBot) -> None:
    settings = SettingsDialog(page_context.preferences, page_context.service, page_context.messages, None)
    settings.show()
    assert settings.scheduler.text() == "None: features are extracted on this computer"
    settings.change_scheduler.click()
    dialog = settings.findChild(SchedulerDialog)
    qtbot.keyClicks(dialog.address, "10.0.0.5:8786")
    qtbot.keyClick(dialog.address, Qt.Key.Key_Return)
    assert page_context.preferences.scheduler == SchedulerChoice("10.0.0.5:8786")
    assert settings.scheduler.text() == "10.0.0.5:8786"
    settings.close()


def test_an_extraction_on_a_scheduler_that_is_gone_ends_with_a_sentence() -> None:
    with pytest.raises(ClusterError, match="not the address of a scheduler"):
        ComputeFeatures(Study(Path("cells")), SchedulerChoice("nonsense")).run(NO_PROGRESS)
