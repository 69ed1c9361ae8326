"""The settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from desktop_app.dialogs.question import Question
from desktop_app.dialogs.settings_dialog import SettingsDialog
from desktop_app.pages.page import PageContext

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page_context: PageContext) -> Path:
    monkeypatch.delenv("CORESET_CACHE")
    folder = tmp_path / "disk" / "coreset-studio-cache"
    rows = folder / "features" / "vgg16-0123456789abcdef" / "rows.npy"
    rows.parent.mkdir(parents=True)
    rows.write_bytes(b"x" * 2_000_000)
    (folder / "thesis.docx").write_bytes(b"x")
    page_context.preferences.cache_folder = folder
    return folder


@pytest.fixture
def dialog(page_context: PageContext, cache: Path, qtbot: QtBot) -> Iterator[SettingsDialog]:
    dialog = SettingsDialog(page_context.preferences, page_context.worker, page_context.messages, None)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.amount.text() == "2.0 MB in 1 file")
    yield dialog
    dialog.close()


def test_every_choice_takes_effect_at_once(dialog: SettingsDialog, page_context: PageContext) -> None:
    dialog.theme.setCurrentIndex(dialog.theme.findData("dark"))
    dialog.autosave.click()
    dialog.threads.setValue(1)
    preferences = page_context.preferences
    assert (preferences.theme, preferences.autosave, preferences.threads) == ("dark", False, 1)
    assert page_context.worker.threads == 1
    dialog.threads.setValue(0)
    assert dialog.threads.text() == "All"
    assert page_context.worker.threads is None


def test_the_cache_is_emptied_after_a_question(dialog: SettingsDialog, cache: Path, qtbot: QtBot) -> None:
    dialog.clear.click()
    assert str(cache) in dialog.findChild(Question).informativeText()
    dialog.findChild(Question).choose("keep")
    assert (cache / "features").exists()
    qtbot.waitUntil(lambda: dialog.findChild(Question) is None)
    dialog.clear.click()
    dialog.findChild(Question).choose("clear")
    qtbot.waitUntil(lambda: dialog.amount.text() == "Empty")
    assert list(cache.iterdir()) == [cache / "thesis.docx"]


def test_the_cache_moves_into_a_folder_of_its_own(
    dialog: SettingsDialog, page_context: PageContext, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog.use_folder(str(tmp_path))
    assert page_context.preferences.cache_folder == tmp_path / "coreset-studio-cache"
    dialog.use_folder(str(tmp_path / "disk" / "coreset-studio-cache"))
    assert page_context.preferences.cache_folder == tmp_path / "disk" / "coreset-studio-cache"
    qtbot.waitUntil(lambda: not page_context.worker.running())


def test_while_a_step_runs_the_cache_stays(dialog: SettingsDialog, page_context: PageContext, qtbot: QtBot) -> None:
    number = page_context.worker.start("features", "engine_functions:add", (1, 2))
    for button in (dialog.clear, dialog.choose):
        assert not button.isEnabled()
        assert button.toolTip() == "A step is running. Wait for it or cancel it."
    page_context.worker.cancel(number)
    assert dialog.clear.isEnabled()


def test_a_folder_named_by_the_environment_is_not_changed_here(
    page_context: PageContext, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = SettingsDialog(page_context.preferences, page_context.worker, page_context.messages, None)
    assert not dialog.choose.isEnabled()
    assert "CORESET_CACHE" in dialog.choose.toolTip()
    qtbot.waitUntil(lambda: dialog.amount.text() == "Empty")
    dialog.close()


def test_a_failure_is_told(dialog: SettingsDialog, page_context: PageContext, qtbot: QtBot) -> None:
    messages: Any = page_context.messages
    dialog._start("engine_functions:fail_by_mistake")
    qtbot.waitUntil(lambda: bool(messages.posts))
    assert "inside the program" in messages.sentences("error")[0]
