"""The settings."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engine_functions as engine
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from coreset_studio.core.cache_limit import CacheLimit, read_limit
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.dialogs.settings_dialog import SettingsDialog
from coreset_studio.desktop_app.pages.page import PageContext


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
    dialog = SettingsDialog(page_context.preferences, page_context.service, page_context.messages, None)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.amount.text() == "2.0 MB in 1 file")
    yield dialog
    dialog.close()


def test_every_choice_takes_effect_at_once(dialog: SettingsDialog, page_context: PageContext) -> None:
    dialog.theme.setCurrentIndex(dialog.theme.findData("dark"))
    dialog.autosave.click()
    dialog.threads.setValue(1)
    preferences = page_context.preferences
    assert preferences.notifications
    dialog.notifications.click()
    assert not preferences.notifications
    assert (preferences.theme, preferences.autosave, preferences.threads) == ("dark", False, 1)
    assert page_context.service.threads == 1
    dialog.threads.setValue(0)
    assert dialog.threads.text() == "All"
    assert page_context.service.threads is None


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


def add_old(cache: Path, n_bytes: int) -> Path:
    """Put an entry into the cache that was used long before the one that is there."""
    old = cache / "features" / "vgg16-fedcba9876543210"
    old.mkdir()
    (old / "rows.npy").write_bytes(b"x" * n_bytes)
    for place in (old / "rows.npy", old):
        os.utime(place, (0, 0))
    return old


def test_a_limit_is_set_and_what_is_oldest_goes(
    dialog: SettingsDialog, page_context: PageContext, cache: Path, qtbot: QtBot
) -> None:
    messages: Any = page_context.messages
    old = add_old(cache, 19_000_000)
    assert dialog.limit.text() == "No limit"
    assert not dialog.set_limit.isEnabled()
    assert "least recently used files are removed first" in dialog.limit_note.text()

    dialog.limit.selectAll()
    qtbot.keyClicks(dialog.limit, "0.02")
    assert old.exists()  # nothing goes while the number is still being typed
    qtbot.mouseClick(dialog.set_limit, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.amount.text() == "2.0 MB in 1 file")

    assert not old.exists()
    assert read_limit(cache) == CacheLimit(0.02)
    assert dialog.limit.text() == "Limit to 0.02 GB"
    assert not dialog.set_limit.isEnabled()
    assert messages.sentences("info") == ["19 MB were removed from the cache."]
    dialog.limit.setValue(0)
    dialog.set_limit.click()
    qtbot.waitUntil(lambda: read_limit(cache) == CacheLimit(None))


def test_a_limit_that_was_set_is_shown_and_a_damaged_one_told(
    page_context: PageContext, cache: Path, qtbot: QtBot
) -> None:
    for text, shown, told in (
        ('{"gigabytes": 12.5}', "Limit to 12.5 GB", "least recently"),
        ('{"gigabytes": 1e-6}', "Limit to 0.01 GB", "exceeds its limit"),
        ("{", "No limit", "does not contain a limit of the cache"),
    ):
        (cache / "limit.json").write_text(text)
        dialog = SettingsDialog(page_context.preferences, page_context.service, page_context.messages, None)
        assert not dialog.limit.isEnabled()
        qtbot.waitUntil(dialog.limit.isEnabled)
        assert dialog.limit.text() == shown
        assert told in dialog.limit_note.text()
        dialog.close()


def test_a_limit_of_the_environment_is_not_changed_here(
    page_context: PageContext, cache: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORESET_CACHE_LIMIT", "7")
    dialog = SettingsDialog(page_context.preferences, page_context.service, page_context.messages, None)
    qtbot.waitUntil(lambda: dialog.limit.text() == "Limit to 7 GB")
    assert not dialog.limit.isEnabled()
    assert "CORESET_CACHE_LIMIT" in dialog.limit.toolTip()
    dialog.close()


@pytest.mark.slow
def test_making_room_can_be_cancelled(process_context: PageContext, cache: Path, qtbot: QtBot) -> None:
    process_context.preferences.cache_folder = cache
    for number in range(3000):
        (cache / "clusters" / f"{number:032x}").mkdir(parents=True)
        (cache / "clusters" / f"{number:032x}" / "labels.npy").write_bytes(b"x" * 10_000)
    dialog = SettingsDialog(process_context.preferences, process_context.service, process_context.messages, None)
    qtbot.waitUntil(dialog.limit.isEnabled, timeout=20_000)
    dialog.limit.setValue(0.01)
    dialog.set_limit.click()
    assert dialog.set_limit.text() == "Cancel"
    # Not at 0 %: by then something has gone, and most of it has not.
    qtbot.waitUntil(lambda: re.search(r"[1-9]\d* %", dialog.amount.text()) is not None, timeout=20_000)
    dialog.set_limit.click()
    qtbot.waitUntil(lambda: " in " in dialog.amount.text(), timeout=20_000)
    left = len(list((cache / "clusters").iterdir()))
    assert 1000 < left < 3000
    assert dialog.amount.text().endswith(f"in {left:,} files")
    assert dialog.limit.text() == "Limit to 0.01 GB"
    assert dialog.set_limit.text() == "Apply limit"
    dialog.close()


def test_what_another_program_uses_is_not_emptied(dialog: SettingsDialog, cache: Path, qtbot: QtBot) -> None:
    mark = cache / "in-use" / "0badcafe-4711-0badcafe.txt"
    mark.parent.mkdir()
    mark.write_text("features/vgg16-0123456789abcdef\n")
    add_old(cache, 5_000_000)
    dialog.clear.click()
    dialog.findChild(Question).choose("clear")
    told = "2.0 MB in 1 file; 2.0 MB in use by another program were kept"
    qtbot.waitUntil(lambda: dialog.amount.text() == told)
    assert [entry.name for entry in (cache / "features").iterdir()] == ["vgg16-0123456789abcdef"]


def test_the_cache_moves_into_a_folder_of_its_own(
    dialog: SettingsDialog, page_context: PageContext, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog.use_folder(str(tmp_path))
    assert page_context.preferences.cache_folder == tmp_path / "coreset-studio-cache"
    dialog.use_folder(str(tmp_path / "disk" / "coreset-studio-cache"))
    assert page_context.preferences.cache_folder == tmp_path / "disk" / "coreset-studio-cache"
    qtbot.waitUntil(lambda: not page_context.service.running())


def test_while_a_step_runs_the_cache_stays(dialog: SettingsDialog, page_context: PageContext, qtbot: QtBot) -> None:
    number = page_context.service.ask(engine.Call(engine.add, (1, 2)), stage="features")
    for button in (dialog.clear, dialog.choose):
        assert not button.isEnabled()
        assert button.toolTip() == "A step is running. Wait for it to finish, or cancel it."
    page_context.service.cancel(number)
    assert dialog.clear.isEnabled()


def test_a_folder_named_by_the_environment_is_not_changed_here(
    page_context: PageContext, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = SettingsDialog(page_context.preferences, page_context.service, page_context.messages, None)
    assert not dialog.choose.isEnabled()
    assert "CORESET_CACHE" in dialog.choose.toolTip()
    qtbot.waitUntil(lambda: dialog.amount.text() == "Empty")
    dialog.close()


def test_a_failure_is_told(dialog: SettingsDialog, page_context: PageContext, qtbot: QtBot) -> None:
    messages: Any = page_context.messages
    dialog._start(engine.Call(engine.fail_by_mistake), print)
    qtbot.waitUntil(lambda: bool(messages.posts))
    assert "inside the program" in messages.sentences("error")[0]
