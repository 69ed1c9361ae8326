"""Drives the real application in a process of its own, for `test_application.py`; prints what it saw as JSON.

Not a test itself: it is started as ``python application_driver.py TASK ARGUMENT``.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication, QFileDialog

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import engine_functions as engine

from coreset_studio.core.project import Project, write_project
from coreset_studio.desktop_app.application import Application, Options, make_qt_application


def wait(app: QApplication, condition: Callable[[], bool], what: str, seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
        time.sleep(0.01)


def engines() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    found = []
    for child in children:
        with suppress(psutil.Error):  # it ended meanwhile
            if "resource_tracker" not in " ".join(child.cmdline()):
                found.append(child)
    return found


def scan(app: QApplication, application: Application, folder: Path) -> dict[str, object]:
    """Open a folder, let it be scanned, close."""
    model = application.context.model
    wait(app, lambda: model.state("dataset") == "done", "scan")
    facts = dict(model.facts("dataset") or {})
    application.window.close()
    heavy = sorted({"tensorflow", "keras", "sklearn", "kmedoids", "matplotlib"} & set(sys.modules))
    return {"facts": facts, "heavy": heavy, "visible": application.window.isVisible()}


def kill(app: QApplication, application: Application, folder: Path) -> dict[str, object]:
    """Kill the engine from outside while it works, see the message, and run another job after it."""
    window, service = application.window, application.service
    model = application.context.model
    wait(app, lambda: model.state("dataset") == "done", "scan")
    pids: list[object] = []
    window.page("dataset").ask(engine.Call(engine.tell_pid_and_count, (0.01,)), print, on_part=pids.append)
    wait(app, lambda: bool(pids), "engine")
    os.kill(int(str(pids[0])), signal.SIGKILL)
    wait(app, lambda: bool(window.helpers.errors), "message")
    sentence = window.helpers.errors[0].sentence.text()
    window.helpers.close_all()
    heard: list[object] = []
    service.ask(engine.Call(engine.add, (20, 22)), heard.append)
    wait(app, lambda: bool(heard), "next job")
    window.close()
    return {"sentence": sentence, "next": heard[0], "visible": window.isVisible()}


def busy_close(app: QApplication, application: Application, folder: Path) -> dict[str, object]:
    """Close the window while two engines work."""
    window = application.window
    model = application.context.model
    wait(app, lambda: model.state("dataset") == "done", "scan")
    application.service.ask(engine.Call(engine.ignore_cancel, (600,)), stage="features")
    application.service.selection.open(engine.OpenCounter(1))
    wait(app, lambda: len(engines()) >= 2, "engines")
    pids = [engine.pid for engine in engines()]
    window.close()
    question = window.files.question
    assert question is not None
    question.choose("stop")
    began = time.monotonic()
    application.close()
    return {"pids": pids, "seconds": time.monotonic() - began, "visible": window.isVisible()}


def crash(app: QApplication, application: Application, folder: Path) -> dict[str, object]:
    """Raise where nobody catches, with a change that is not saved, and leave without saying goodbye."""
    from PySide6.QtCore import QTimer

    model = application.context.model
    wait(app, lambda: model.state("dataset") == "done", "scan")
    model.set_settings("selection", fraction=0.07)

    def fail() -> None:
        raise RuntimeError("a bolt came loose")

    QTimer.singleShot(0, fail)
    wait(app, lambda: bool(application.window.helpers.errors), "crash dialog")
    sentence = application.window.helpers.errors[0].sentence.text()
    print(json.dumps({"sentence": sentence}), flush=True)
    os._exit(0)


def recover(app: QApplication, application: Application, folder: Path) -> dict[str, object]:
    """Take up what the crash has left."""
    from coreset_studio.desktop_app.dialogs.question import Question

    window = application.window
    wait(app, lambda: window.findChild(Question) is not None, "question")
    window.findChild(Question).choose("recover")
    fraction = application.context.model.settings("selection").fraction
    wait(app, lambda: application.context.model.state("dataset") == "done", "scan")
    window.close()
    assert window.files.question is not None
    window.files.question.choose("drop")
    return {"fraction": fraction}


def take_up(app: QApplication, application: Application, folder: Path) -> dict[str, object]:
    """Answer the offers of three copies, the newest first, and tell what is asked and open in the end."""
    from coreset_studio.desktop_app.dialogs.question import Question

    window, model = application.window, application.context.model
    answers, asked = ["later", "recover", "recover"], []

    def is_open() -> bool:
        for question in window.findChildren(Question):
            if question.isVisible():
                asked.append(question.text())
                if "Recover " in question.text():
                    question.choose(answers.pop(0))
                else:
                    question.choose("stop" if "Stop" in question.text() else "drop")
        return not answers and model.project.notes == "oldest"

    wait(app, is_open, "the last copy", 30)
    left = sorted(place.name for place in application.autosave.place.parent.iterdir())
    application.service.drop_all()
    window.close()
    if window.files.question is not None:
        window.files.question.choose("drop")
    return {"asked": asked, "left": left, "mine": application.autosave.place.name}


def open_asked(app: QApplication, application: Application, folder: Path) -> dict[str, object]:
    """Tell what is said at the start, and whether what was asked for is opened."""
    model = application.context.model
    wait(app, lambda: model.state("dataset") == "done", "scan")
    sentences = [one.sentence.text() for one in application.window.helpers.errors]
    application.window.helpers.close_all()
    application.window.close()
    return {"sentences": sentences, "source": str(model.project.source)}


def file_events(app: QApplication, application: Application, folder: Path) -> dict[str, object]:
    """Have the system request a folder before the window is made, and two projects after; tell what is opened."""
    model = application.context.model
    wait(app, lambda: model.state("dataset") == "done", "scan")
    at_start = str(model.project.source)
    said: list[str] = []
    application.messages.posted.connect(lambda message: said.append(message.sentence))
    for name in ("first.coreset", "second.coreset"):
        write_project(Project(source=folder, notes=name), folder.parent / name)
    application.window.files.choose_project()  # the user is asked something meanwhile
    for name in ("first.coreset", "second.coreset"):
        app.sendEvent(app, QFileOpenEvent(str(folder.parent / name)))
    while_asking = str(model.project.source)
    for dialog in application.window.findChildren(QFileDialog):
        dialog.reject()
    wait(app, lambda: model.project.notes == "second.coreset", "second.coreset", 30)
    application.service.drop_all()
    application.window.close()
    return {"at_start": at_start, "while_asking": while_asking, "said": said, "notes": model.project.notes}


def main() -> None:
    task, folder = sys.argv[1], Path(sys.argv[2])
    app = make_qt_application(["coreset-studio"])
    if task == "file_events":
        app.sendEvent(app, QFileOpenEvent(str(folder)))
    application = Application(app, Options(None if task in ("recover", "take_up", "file_events") else folder))
    application.start()
    QCoreApplication.processEvents()
    try:
        seen = globals()[task](app, application, folder)
    finally:
        application.close()
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
