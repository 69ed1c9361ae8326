"""The installed program checks itself: the demo from opening to a training, an engine killed on the way.

``coreset-studio --self-test FILE`` opens the real window, works through its steps with real engine processes, writes
what it saw to FILE as JSON, and ends with 0 if everything went well. It is what the packagers run, and what a user can
run to see whether an installation is whole. ``--self-test FILE start`` only reports the start-up time of the window.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
from PySide6.QtCore import QEventLoop, QObject, QSettings
from PySide6.QtWidgets import QApplication

from coreset_studio.core.service.coreset_requests import ExportCoreset, VerifyExport
from coreset_studio.core.service.dataset_requests import DrawDemo
from coreset_studio.core.service.feature_requests import DescribeExtractors
from coreset_studio.core.service.requests import Request
from coreset_studio.desktop_app.application import Application, Options, make_qt_application
from coreset_studio.desktop_app.pages.features_advice import recommended
from coreset_studio.desktop_app.project_files import demo_folder

PATIENCE_SECONDS = 600.0
N_IMAGES = 100
Result = TypeVar("Result")


class SelfTest(QObject):
    """Drives the window as a user would, one step after the other.

    Attributes
    ----------
    seen : dict
        Seconds by step, and what came out.
    """

    def __init__(self, app: QApplication, application: Application) -> None:
        super().__init__(app)
        self._app, self._application = app, application
        self._finished: set[int] = set()
        self._failed: dict[int, str] = {}
        self._progressed: set[int] = set()
        self.seen: dict[str, Any] = {"steps": {}}
        application.service.finished.connect(self._on_finished)
        application.service.failed.connect(self._on_failed)
        application.service.progressed.connect(self._on_progressed)

    def run(self) -> None:
        """Do every step.

        Raises
        ------
        RuntimeError
            If a step failed or took too long; its name and the sentence are in the text.
        """
        window, model = self._application.window, self._application.context.model
        with self._step("demo"):
            # Fewer images than the demo has, for the sake of slow machines; opened the way a user opens it.
            self._result(DrawDemo(demo_folder(), N_IMAGES))
            window.files.open_demo()
            self._wait(lambda: model.state("dataset") == "done", "the demo was not scanned")
        with self._step("extractors"):
            facts = self._result(DescribeExtractors(self._study())).facts
        # One that follows from another adds nothing to test here.
        names = [name for name, each in recommended().items() if not each.derived_from]
        usable = [f.name for f in facts if f.name in names and not f.missing_sentence]
        self.seen["extractors"] = usable
        model.set_settings("features", extractors=tuple(usable))
        for stage in ("features", "clusters"):
            with self._step(stage):
                self._run_page(stage)
        with self._step("coreset"):
            window.go_to_stage("coreset")
            self._wait(lambda: model.state("coreset") == "done", "no coreset was chosen")
        with tempfile.TemporaryDirectory(prefix="coreset-self-test-") as scratch, self._step("export"):
            target = Path(scratch) / "coreset"
            exported = self._result(ExportCoreset(self._study(), target, overwrite=False))
            self.seen["exported"] = exported.n_files
            self.seen["verified"] = self._result(VerifyExport(target)).ok
            self._require(self.seen["verified"], "the export does not verify")
        model.set_settings("training", epochs=1, min_steps=0, image_size=64)
        model.set_settings("comparison", networks=("custom",), fractions=(0.25, 1.0), samplers=("intelligent",))
        with self._step("training"):
            self._run_page("compare")
            runs = model.value("compare").runs
            self.seen["accuracies"] = {run.key.sampler: run.metrics["accuracy"] for run in runs}
        with self._step("killed engine"):
            self._kill_one()
        self.seen["heavy"] = sorted({"tensorflow", "keras", "sklearn"} & set(sys.modules))
        self._require(not self.seen["heavy"], f"{', '.join(self.seen['heavy'])} entered the window's process")

    def _kill_one(self) -> None:
        """Kill an engine that works, and have another one work after it."""
        # Drawing the whole demo takes long enough to be hit on any machine.
        again = demo_folder().with_name("drawn again")
        number = self._application.service.ask(DrawDemo(again))
        self._wait(lambda: number in self._progressed or number in self._finished, "no engine began to work")
        for pid in self._engines():
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._wait(lambda: number in self._failed or number in self._finished, "the killed engine was not noticed")
        self._application.window.helpers.close_all()
        self._require(number in self._failed, "the engine was done before it was killed")
        self.seen["killed engine said"] = self._failed.pop(number)
        facts = self._result(DescribeExtractors(self._study())).facts
        self._require(bool(facts), "no engine works after one was killed")

    def _engines(self) -> set[int]:
        found = set()
        for child in psutil.Process().children(recursive=True):
            try:
                if "resource_tracker" not in " ".join(child.cmdline()):
                    found.add(child.pid)
            except psutil.Error:
                continue
        return found

    def _study(self) -> Any:
        return self._application.window.page("dataset").study()

    def _run_page(self, stage: str) -> None:
        window, model = self._application.window, self._application.context.model
        window.go_to_stage(stage)
        page = window.page(stage)
        self._wait(lambda: not page.reason_not_to_run(), f"{stage} cannot run: {page.reason_not_to_run()}")
        failures = len(self._failed)
        page.try_run()
        self._wait(lambda: model.state(stage) == "done" or len(self._failed) > failures, f"{stage} was not done")
        self._require(model.state(stage) == "done", f"{stage} failed")

    def _result(self, request: Request[Result]) -> Result:
        found: list[Result] = []
        number = self._application.service.ask(request, found.append)
        name = type(request).__name__
        self._wait(lambda: bool(found) or number in self._failed, f"{name} did not end")
        self._require(bool(found), f"{name}: {self._failed.get(number, '')}")
        return found[0]

    def _wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self._require(time.monotonic() < deadline, otherwise)
            self._app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
            time.sleep(0.01)

    def _require(self, condition: bool, otherwise: str) -> None:
        if not condition:
            failures = "; ".join(self._failed.values())
            raise RuntimeError(f"{otherwise} ({failures})" if failures else otherwise)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seen["steps"][name] = round(time.perf_counter() - started, 2)

    def _on_progressed(self, number: int, *_: object) -> None:
        self._progressed.add(number)

    def _on_finished(self, number: int) -> None:
        self._finished.add(number)

    def _on_failed(self, number: int, sentence: str, details: str) -> None:
        self._failed[number] = f"{sentence} {details[-2000:]}".strip()


def run(arguments: Sequence[str] | None = None) -> int:
    """Open the window, test it, write what was seen, and return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        ``coreset-studio --self-test FILE [start]``.
    """
    arguments = sys.argv if arguments is None else arguments
    place = arguments.index("--self-test") + 1
    if place >= len(arguments):
        print("coreset-studio: --self-test requires the file to write to.", file=sys.stderr)  # noqa: T201
        return 2
    file = Path(arguments[place])
    # Windows removes no folder in which a scanner has just opened a file; the result is written all the same.
    with tempfile.TemporaryDirectory(prefix="coreset-self-test-", ignore_cleanup_errors=True) as scratch:
        # Nothing of the user's is touched: neither recent projects nor features nor the demo.
        folders = {"CORESET_DATA": "data", "CORESET_CACHE": "cache", "XDG_CONFIG_HOME": "config"}
        os.environ |= {name: str(Path(scratch) / folder) for name, folder in folders.items()}
        # Windows keeps settings in the registry and macOS in its own folder, whatever the environment says.
        store = QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat)
        seen = _look(arguments, store, only_start="start" in arguments[place + 1 :])
        store.sync()  # else they are written when the process ends, into a folder made again
    file.write_text(json.dumps(seen, indent=1, ensure_ascii=False), encoding="utf-8")
    return 0 if seen["ok"] else 1


def _look(arguments: Sequence[str], store: QSettings, *, only_start: bool) -> dict[str, Any]:
    """Open the window, test it, close it, and return what was seen."""
    app = make_qt_application(arguments)
    application = Application(app, Options(), store)
    application.start()
    app.processEvents()
    test = SelfTest(app, application)
    # Since the process began: loading the program counts too.
    test.seen["window_seconds"] = round(time.time() - psutil.Process().create_time(), 3)
    try:
        if not only_start:
            test.run()
        test.seen["ok"] = True
    except Exception as error:  # whatever it was, the file has to say it
        test.seen |= {"ok": False, "error": str(error) or repr(error)}
    application.context.model.close()
    application.window.close()
    if application.window.files.question is not None:
        application.window.files.question.choose("drop")
    application.close()
    return test.seen
