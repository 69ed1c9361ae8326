"""Methods paragraphs in the window: copied on the Compare page, and after an export on the Coreset page."""

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app.pages.compare import ComparePage
from coreset_studio.desktop_app.pages.coreset import CoresetPage
from coreset_studio.desktop_app.pages.page import PageContext


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


@pytest.mark.slow
def test_the_compare_page_copies_what_was_done(
    clustered_context: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CORESET_DATA", str(tmp_path))
    page = ComparePage(clustered_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: page.plan is not None and not page.job_numbers())
    with qtbot.waitSignal(page.messages.posted) as posted:
        page.tools.methods.click()
    assert posted.args[0].sentence.startswith("The Methods paragraph and its references were copied.")
    assert clipboard().startswith("The dataset consisted of 150 images of ")
    assert "was selected by intelligent sampling" in clipboard()
    assert "@misc{ashraf2025," in clipboard()
    page.leave()


def test_an_export_can_be_described_once_it_is_written(
    clustered_context: PageContext, qtbot: QtBot, tmp_path: Path
) -> None:
    page = CoresetPage(clustered_context)
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: page.model.state("coreset") == "done")
    assert not page.content.methods.isVisible()
    page.run()
    sheet = page.exporting.sheet
    assert sheet is not None
    sheet.folder.setText(str(tmp_path / "out"))
    sheet.accept_button.click()
    qtbot.waitUntil(page.content.methods.isVisible)
    qtbot.waitUntil(lambda: not page.job_numbers())
    with qtbot.waitSignal(page.messages.posted):
        page.content.methods.click()
    assert "A coreset of " in clipboard()
    page.leave()
