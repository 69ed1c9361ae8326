"""One project in two windows, or changed by another program: nothing is lost, nothing is overwritten unasked."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from coreset_studio.core.data.folders import list_folder
from coreset_studio.core.project import Project, Recovery, read_project, read_recovery, write_project
from coreset_studio.desktop_app import project_lock, project_saving
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.project_files import ProjectFiles
from coreset_studio.desktop_app.project_lock import ProjectLock, lock_place
from coreset_studio.desktop_app.recovery import Autosave

HOLD = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from coreset_studio.desktop_app.project_lock import ProjectLock
app = QCoreApplication([])
print(ProjectLock().take(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


class Window:
    """A window with a project: the parts that open and save it, with real questions."""

    def __init__(self, context: PageContext, place: Path) -> None:
        self.widget = QWidget()
        self.model, self.messages = context.model, context.messages
        self.autosave = Autosave(context.model, context.preferences, context.messages, place)
        parts = (context.model, context.service, context.messages, context.preferences, self.autosave, self.widget)
        self.files = ProjectFiles(*parts)

    def answer(self, word: str) -> None:
        question = self.files.question
        assert question is not None
        assert question.isVisible()
        question.choose(word)

    def asked(self) -> str:
        return "" if self.files.question is None else self.files.question.text()

    def change(self, fraction: float) -> None:
        self.model.set_settings("selection", fraction=fraction)
        self.autosave.keep()

    def said(self) -> list[str]:
        return self.messages.sentences()  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def make_window(
    make_context: Callable[[], PageContext], qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Window]]:
    made: list[Window] = []
    monkeypatch.setattr(project_saving, "recovery_folder", lambda: tmp_path / "data folder")

    def make() -> Window:
        window = Window(make_context(), tmp_path / f"recovery {len(made)}")
        qtbot.addWidget(window.widget)
        window.widget.show()
        made.append(window)
        return window

    yield make
    for window in made:
        window.files.saving.release()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    write_project(Project(source=tmp_path / "images"), tmp_path / "study.coreset")
    return tmp_path / "study.coreset"


def fraction(file: Path) -> float:
    return read_project(file).settings.selection.fraction


@pytest.fixture
def edited(make_window: Callable[[], Window], file: Path) -> Window:
    """A window whose project has another fraction on disk (0.5) than in the window (0.1)."""
    window = make_window()
    window.files.open_path(file)
    write_project(read_project(file).with_settings("selection", fraction=0.5), file)
    window.change(0.1)
    return window


# --- the file was changed -------------------------------------------------------------------------------------


def test_an_outside_edit_is_not_overwritten_and_asked_about_once(edited: Window, file: Path) -> None:
    assert fraction(file) == 0.5
    assert "study.coreset was changed by another window or program" in edited.asked()
    kept = read_recovery(edited.autosave.place)
    assert kept.project.settings.selection.fraction == 0.1
    assert kept.file == file
    edited.answer("stay")
    edited.change(0.2)
    assert edited.asked() == ""
    assert fraction(file) == 0.5
    assert read_recovery(edited.autosave.place).project.settings.selection.fraction == 0.2
    edited.files.saving.save()
    assert "was changed by another" in edited.asked()


def test_mine_is_kept(edited: Window, file: Path) -> None:
    edited.answer("mine")
    assert fraction(file) == 0.1
    assert not edited.autosave.place.exists()
    edited.change(0.2)
    assert fraction(file) == 0.2
    assert edited.asked() == ""


def test_theirs_is_taken_and_mine_kept_beside_it(edited: Window, file: Path) -> None:
    edited.answer("theirs")
    assert edited.model.settings("selection").fraction == fraction(file) == 0.5
    copy = file.with_name("study (mine).coreset")
    assert fraction(copy) == 0.1
    assert f"Your version was saved as {copy}." in edited.said()
    assert not edited.model.has_unsaved_changes


def test_theirs_is_not_taken_if_mine_cannot_be_kept(
    edited: Window, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("coreset_studio.core.project.replace_atomically", full)
    edited.answer("theirs")
    assert edited.model.settings("selection").fraction == 0.1
    assert any("No space left" in sentence for sentence in edited.said())


def test_mine_is_saved_as_another_file(edited: Window, file: Path, tmp_path: Path) -> None:
    edited.answer("save_as")
    (dialog,) = edited.widget.findChildren(QFileDialog)
    assert dialog.isVisible()
    dialog.selectFile(os.fspath(tmp_path / "other.coreset"))
    dialog.accept()
    assert fraction(tmp_path / "other.coreset") == 0.1
    assert fraction(file) == 0.5
    edited.change(0.2)
    assert fraction(tmp_path / "other.coreset") == 0.2


def test_leaving_asks_too_and_goes_on_when_answered(edited: Window, file: Path, tmp_path: Path) -> None:
    edited.answer("stay")
    edited.files.open_path(tmp_path / "images")
    assert edited.model.file == file
    edited.answer("theirs")
    assert edited.model.file is None
    assert fraction(file) == 0.5
    assert fraction(file.with_name("study (mine).coreset")) == 0.1


def test_a_project_that_was_deleted_is_not_made_again_unasked(make_window: Callable[[], Window], file: Path) -> None:
    window = make_window()
    window.files.open_path(file)
    file.unlink()
    window.change(0.1)
    assert not file.exists()
    assert "study.coreset was not found" in window.asked()
    window.answer("mine")
    assert fraction(file) == 0.1


def test_a_folder_that_is_gone_is_not_made_again(make_window: Callable[[], Window], tmp_path: Path) -> None:
    window, file = make_window(), tmp_path / "drive" / "study.coreset"
    write_project(Project(source=tmp_path), file)
    window.files.open_path(file)
    file.parent.rename(tmp_path / "unplugged")
    window.change(0.1)
    assert not file.parent.exists()
    assert any("the folder was not found" in sentence for sentence in window.said())


def test_the_same_bytes_written_again_are_no_change(make_window: Callable[[], Window], file: Path) -> None:
    window = make_window()
    window.files.open_path(file)
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    window.change(0.1)
    assert window.asked() == ""
    assert fraction(file) == 0.1


def test_a_recovered_project_does_not_overwrite_what_was_saved_since(
    make_window: Callable[[], Window], file: Path
) -> None:
    window = make_window()
    window.files.open_path(file)
    kept = Recovery(window.model.project.with_settings("selection", fraction=0.1), file, window.model.digest)
    write_project(read_project(file).with_settings("selection", fraction=0.5), file)
    window.files.recover(kept)
    window.autosave.keep()
    assert fraction(file) == 0.5
    assert "was changed by another" in window.asked()


def test_a_name_that_the_dialog_has_not_seen_is_asked_about(
    make_window: Callable[[], Window], file: Path, tmp_path: Path
) -> None:
    window = make_window()
    window.files.open_path(tmp_path / "images")
    window.files.saving.save_to(os.fspath(file.with_suffix("")))
    assert "Replace study.coreset?" in window.asked()
    window.answer("stay")
    assert window.model.file is None


# --- two windows ----------------------------------------------------------------------------------------------


def test_two_windows_do_not_overwrite_each_other(make_window: Callable[[], Window], file: Path) -> None:
    first, second = make_window(), make_window()
    first.files.open_path(file)
    assert lock_place(file).exists()
    second.files.open_path(file)
    assert "study is open in another window on this computer" in second.asked()
    second.answer("open")
    second.change(0.2)
    assert fraction(file) == 0.25  # not saved by itself
    assert read_recovery(second.autosave.place).project.settings.selection.fraction == 0.2
    first.change(0.1)
    assert fraction(file) == 0.1
    second.files.saving.save()
    assert "is open in another window" in second.asked()
    second.answer("mine")
    assert fraction(file) == 0.2
    first.change(0.3)
    assert fraction(file) == 0.2
    assert "was changed by another window" in first.asked()


def test_a_closed_window_does_not_take_its_project_again(make_window: Callable[[], Window], file: Path) -> None:
    first, second = make_window(), make_window()
    first.files.open_path(file)
    first.files.saving.release()
    first.change(0.1)  # as a job does that ends while the window closes
    assert not lock_place(file).exists()
    second.files.open_path(file)
    assert second.asked() == ""


def test_a_project_in_use_is_not_opened_on_cancel(make_window: Callable[[], Window], file: Path) -> None:
    first, second = make_window(), make_window()
    first.files.open_path(file)
    second.files.open_path(file)
    second.answer("stay")
    assert second.model.file is None
    first.files.close_project()
    assert not lock_place(file).exists()
    second.files.open_path(file)
    assert second.asked() == ""
    assert second.model.file == file


def test_a_project_that_was_taken_over_saves_by_itself_there(make_window: Callable[[], Window], file: Path) -> None:
    first, second = make_window(), make_window()
    first.files.open_path(file)
    second.files.open_path(file)
    second.answer("take")
    second.change(0.2)
    assert fraction(file) == 0.2
    first.files.saving.release()
    assert lock_place(file).exists()  # it is the other window's now
    first.files.open_path(file)
    assert "is open in another window" in first.asked()


def test_saving_as_lets_go_and_a_file_in_use_is_refused(
    make_window: Callable[[], Window], file: Path, tmp_path: Path
) -> None:
    first, second = make_window(), make_window()
    first.files.open_path(file)
    second.files.open_path(tmp_path / "images")
    second.files.saving.save_to(os.fspath(file))
    assert second.model.file is None
    assert any("study is open in another window on this computer" in sentence for sentence in second.said())
    first.files.saving.save_to(os.fspath(tmp_path / "other.coreset"))
    assert not lock_place(file).exists()
    assert lock_place(tmp_path / "other.coreset").exists()
    second.files.saving.save_to(os.fspath(file))
    assert second.model.file == file


def test_opened_anyway_and_saved_as_it_saves_by_itself(
    make_window: Callable[[], Window], file: Path, tmp_path: Path
) -> None:
    first, second = make_window(), make_window()
    first.files.open_path(file)
    second.files.open_path(file)
    second.answer("open")
    second.files.saving.save_to(os.fspath(tmp_path / "mine.coreset"))
    second.change(0.2)
    assert fraction(tmp_path / "mine.coreset") == 0.2


# --- the lock -------------------------------------------------------------------------------------------------


@pytest.fixture
def other_process(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that has the project open."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD, os.fspath(file)], stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        yield holder
        holder.kill()


def test_another_process_has_it_until_it_is_killed(
    make_window: Callable[[], Window], file: Path, other_process: subprocess.Popen[str]
) -> None:
    window = make_window()
    window.files.open_path(file)
    assert "study is open in another window on this computer" in window.asked()
    window.answer("stay")
    other_process.kill()
    other_process.wait()
    assert lock_place(file).exists()  # a crash leaves it until the next opening
    window.files.open_path(file)
    assert window.asked() == ""
    window.change(0.1)
    assert fraction(file) == 0.1
    window.files.saving.release()
    assert not lock_place(file).exists()


def of_another_host(file: Path, age: float) -> None:
    held = {
        "process": 1,
        "started": 1.0,
        "host": "microscope-2",
        "program": "Coreset Studio",
        "since": "",
        "window": "x",
    }
    lock_place(file).write_text(json.dumps(held), encoding="utf-8")
    os.utime(lock_place(file), (time.time() - age,) * 2)


def test_a_lock_of_another_computer_is_told_and_an_old_one_offered_to_be_taken_over(
    make_window: Callable[[], Window], file: Path
) -> None:
    window = make_window()
    of_another_host(file, 60)
    window.files.open_path(file)
    assert "on microscope-2" in window.asked()
    assert window.files.question is not None
    assert "more than an hour" not in window.files.question.informativeText()
    window.answer("stay")
    of_another_host(file, project_lock.OLD_SECONDS + 60)
    window.files.open_path(file)
    assert window.files.question is not None
    assert "more than an hour" in window.files.question.informativeText()
    assert window.files.question.defaultButton().text() == "Take over"
    window.answer("take")
    window.change(0.1)
    assert fraction(file) == 0.1


def test_a_lock_that_is_held_is_renewed(qapp: object, file: Path) -> None:
    lock = ProjectLock()
    assert lock.take(file)
    os.utime(lock_place(file), (1, 1))
    lock._timer.timeout.emit()
    assert time.time() - lock_place(file).stat().st_mtime < 60
    lock.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"process": "x"}', b"[" * 100_000])
def test_a_damaged_lock_is_none(content: bytes, make_window: Callable[[], Window], file: Path) -> None:
    lock_place(file).write_bytes(content)
    window = make_window()
    window.files.open_path(file)
    assert window.model.file == file
    assert window.asked() == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(30)
def test_a_lock_that_is_a_pipe_is_not_waited_for(make_window: Callable[[], Window], file: Path) -> None:
    os.mkfifo(lock_place(file))
    window = make_window()
    window.files.open_path(file)
    assert window.model.file == file


def test_a_lock_that_cannot_be_written_is_no_error(
    make_window: Callable[[], Window], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(project_lock, "replace_atomically", refuse)
    window = make_window()
    window.files.open_path(file)
    window.change(0.1)
    assert fraction(file) == 0.1
    assert not lock_place(file).exists()
    assert window.messages.sentences("error") == window.messages.sentences("warning") == []  # type: ignore[attr-defined]


def test_a_link_and_its_file_have_one_lock(make_window: Callable[[], Window], file: Path, tmp_path: Path) -> None:
    (tmp_path / "link.coreset").symlink_to(file)
    first, second = make_window(), make_window()
    first.files.open_path(file)
    second.files.open_path(tmp_path / "link.coreset")
    assert "is open in another window" in second.asked()


def test_a_lock_is_left_out_of_a_scan(qapp: object, tmp_path: Path) -> None:
    (tmp_path / "images" / "eosinophil").mkdir(parents=True)
    (tmp_path / "images" / "eosinophil" / "1.png").touch()
    lock = ProjectLock()
    assert lock.take(tmp_path / "images" / "eosinophil" / "study.coreset")
    listing = list_folder(tmp_path / "images")
    assert [entry.path for entry in listing.entries] == ["eosinophil/1.png"]
    assert [skipped.reason for skipped in listing.skipped] == ["It is a hidden file."]
    lock.release()
