"""Which project files one click on the Coreset page runs through, and which of them a reader must open to follow it.

    python -m benchmarks.click_trace [--write NAME]

A small project is opened in the real window, offscreen, with its real engine process. Then the mouse presses the
upper arrow of the field of the fraction once, and both processes write down which functions of the project run, until
the coreset is shown. `--write` adds the figures under NAME to `benchmarks/results/click_trace.md`.

**The rule.** A file must be opened to follow the click if

1. one of its functions is on the stack when the click changes hands: when a message is put into a queue or a pipe, or
   taken out of one, in the window's thread, in its worker thread, or in the engine's process; and at the two ends,
   where the engine chooses (`core.pipeline.stages.choose`) and where the page shows (`CoresetContent.show_coreset`);
2. or it defines the class of such a message, of the request that it brings, or of the result.

Reports of progress are no part of the click. Left out are `desktop_app/widgets` and `desktop_app/theme.py`, which draw
and know nothing of the click, and what runs besides without being on the way: formatting, keys, settings, the sampler.
"""

# ruff: noqa: SLF001 - it looks inside of the program

import argparse
import json
import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PLACE = "CORESET_CLICK_TRACE"
RESULTS = ROOT / "benchmarks" / "results" / "click_trace.md"
ENDS = {("core/pipeline/stages.py", "choose"), ("desktop_app/pages/coreset_content.py", "show_coreset")}
BESIDES = {"Progressed", "Reported", "Limited"}
EVERY = 0.1
"""Seconds between two times at which an engine's process writes what it has seen."""
DRAWING = ("desktop_app/widgets/", "desktop_app/theme.py")
TRANSPORT = ("desktop_app/service/", "core/service/processes", "core/service/child", "core/service/messages")
# The engine's process does the same as this one, before anything of the engine is imported there.
IN_THE_ENGINE = (
    "import os\nif {place!r} in os.environ:\n    from benchmarks.click_trace import trace_engine\n    trace_engine()\n"
)


class Trace:
    """Writes down which functions of the project run, and what is on the stack when a message changes hands."""

    def __init__(self) -> None:
        self.ran: dict[str, float] = {}
        self.on_the_way: dict[str, float] = {}
        self._known: dict[str, str] = {}

    def start(self) -> None:
        """Trace this thread, those of Python that start later, and all queues that are made later."""
        trace = self

        class Queue(queue.SimpleQueue):  # type: ignore[type-arg]
            def put(self, item: Any, *more: Any, **options: Any) -> None:
                trace.hand_over(sys._getframe(1), item)
                super().put(item, *more, **options)

            def get_nowait(self) -> Any:
                item = super().get_nowait()
                trace.hand_over(sys._getframe(1), item)
                return item

            def get(self, *more: Any, **options: Any) -> Any:
                item = super().get(*more, **options)
                trace.hand_over(sys._getframe(1), item)
                return item

        queue.SimpleQueue = Queue  # type: ignore[misc, assignment]
        threading.setprofile(self.profile)
        sys.setprofile(self.profile)

    def profile(self, frame: FrameType, event: str, value: object) -> None:
        """Take notice of a call; of a message that comes out of a pipe, when it is returned."""
        code = frame.f_code
        if event == "call":
            name = self._of_project(code.co_filename)
            if name:
                self.ran[name] = time.monotonic()
                if (name, code.co_name) in ENDS:
                    self.hand_over(frame, None)
            elif code.co_name == "send" and code.co_filename.endswith("multiprocessing/connection.py"):
                self.hand_over(frame, frame.f_locals.get("obj"))
        elif (
            event == "return" and code.co_name == "recv" and code.co_filename.endswith("multiprocessing/connection.py")
        ):
            self.hand_over(frame, value)

    def hand_over(self, frame: FrameType | None, message: object) -> None:
        """Write down the files on the stack, and those that define the message and what it brings."""
        if type(message).__name__ in BESIDES or type(getattr(message, "event", None)).__name__ in BESIDES:
            return
        now = time.monotonic()
        while frame is not None:
            if name := self._of_project(frame.f_code.co_filename):
                self.on_the_way[name] = now
            frame = frame.f_back
        for one in (message, *(getattr(message, field, None) for field in ("request", "event", "result"))):
            module = sys.modules.get(type(one).__module__)
            if name := self._of_project(getattr(module, "__file__", None) or ""):
                self.on_the_way[name] = now

    def _of_project(self, file: str) -> str:
        if file not in self._known:
            inside = file.startswith(f"{ROOT}{os.sep}") and f"{os.sep}.venv{os.sep}" not in file
            name = Path(file).relative_to(ROOT).as_posix() if inside else ""
            self._known[file] = name if name.startswith(("core/", "desktop_app/")) else ""
        return self._known[file]


def trace_engine() -> None:
    """Trace an engine process, which leaves what it saw in a file every moment: it ends without a word."""
    trace, file = Trace(), Path(os.environ[PLACE]) / f"{os.getpid()}.json"

    def leave() -> None:
        while True:
            time.sleep(EVERY)
            part = file.with_suffix(".part")
            part.write_text(json.dumps({"ran": dict(trace.ran), "on_the_way": dict(trace.on_the_way)}))
            part.replace(file)

    threading.Thread(target=leave, daemon=True).start()
    trace.start()


def trace_click(place: Path) -> dict[str, list[str]]:
    """Open a small project in the window, click once, and return the files that ran and those on the way."""
    (place / "sitecustomize.py").write_text(IN_THE_ENGINE.format(place=PLACE))
    os.environ["PYTHONPATH"] = os.pathsep.join((str(place), str(ROOT)))
    os.environ |= {PLACE: str(place), "CORESET_CACHE": str(place / "cache"), "CORESET_DATA": str(place / "data")}
    os.environ |= {"XDG_CONFIG_HOME": str(place / "config"), "QT_QPA_PLATFORM": "offscreen"}
    trace = Trace()
    trace.start()
    clicked, seen = _click(place, trace)
    sys.setprofile(None)
    told = [seen, *(json.loads(file.read_text()) for file in place.glob("*.json"))]
    return {
        what: sorted({file for each in told for file, at in each[what].items() if at >= clicked})
        for what in ("ran", "on_the_way")
    }


def _click(place: Path, trace: Trace) -> tuple[float, dict[str, dict[str, float]]]:
    from PySide6.QtCore import QThread

    from coreset_studio.desktop_app.application import Application, Options, make_qt_application

    for cls in QThread.__subclasses__():
        _trace_thread(cls, trace)
    app = make_qt_application(sys.argv[:1])
    application = Application(app, Options())
    application.start()
    application.crash_keeper.remove()
    window: Any = application.window
    window.resize(1400, 900)
    _open_project(application.context.model, place)
    window._show_project()
    window.go_to_stage("coreset")
    page: Any = window.page("coreset")

    def is_measured() -> bool:
        return page._summary is not None and page._summary.coverage is not None

    _wait(app, is_measured)
    shown = page.content.show_coreset
    seen: list[dict[str, dict[str, float]]] = []

    def show(*arguments: Any) -> None:
        shown(*arguments)
        seen.append({"ran": dict(trace.ran), "on_the_way": dict(trace.on_the_way)})

    page.content.show_coreset = show
    clicked = time.monotonic()
    _press_upper_arrow(page.options.size.percent)
    _wait(app, lambda: bool(seen))
    # Closing ends the engine's process at once: what it has seen must be in its file before.
    shown_at = time.time()
    _wait(app, lambda: any(file.stat().st_mtime > shown_at + 2 * EVERY for file in place.glob("*.json")))
    application.context.model.close()
    window.close()
    application.close()
    return clicked, seen[0]


def _trace_thread(cls: Any, trace: Trace) -> None:
    run = cls.run

    def traced(self: Any) -> None:
        sys.setprofile(trace.profile)
        run(self)

    cls.run = traced


def _open_project(model: Any, place: Path) -> None:

    from coreset_studio.core.data.demo import make_demo
    from coreset_studio.core.pipeline.stages import prepare
    from coreset_studio.core.pipeline.study import Study
    from coreset_studio.core.progress import NO_PROGRESS
    from coreset_studio.core.service.dataset_requests import ScanDataset
    from coreset_studio.core.settings import ClusterSettings, FeatureSettings, Settings

    make_demo(place / "demo", n_images=150, side=64)
    settings = Settings(features=FeatureSettings(extractors=("colour-texture",)), clusters=ClusterSettings(k_max=4))
    study = Study(place / "demo", settings, place / "cache")
    prepare(study)
    model.start(study.source)
    for section in ("features", "clusters"):
        model.put_settings(section, getattr(settings, section))
    summary = ScanDataset(study).run(NO_PROGRESS)
    facts = {"images": len(summary.dataset.images), "classes": list(summary.dataset.classes)}
    model.store_result("dataset", model.key("dataset"), facts, summary, content=summary.identity)
    model.store_result("features", model.key("features"), {"images": 150}, "features")
    model.store_result("clusters", model.key("clusters"), {"seconds": 1.0}, 1.0)


def _press_upper_arrow(field: Any) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QStyle, QStyleOptionSpinBox

    option = QStyleOptionSpinBox()
    field.initStyleOption(option)
    arrow = field.style().subControlRect(
        QStyle.ComplexControl.CC_SpinBox, option, QStyle.SubControl.SC_SpinBoxUp, field
    )
    QTest.mouseClick(field, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, arrow.center())


def _wait(app: Any, condition: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        app.processEvents()
        time.sleep(0.01)


def report(found: dict[str, list[str]], name: str) -> str:
    """Return what was found as a section in Markdown."""
    to_open = [file for file in found["on_the_way"] if not file.startswith(DRAWING)]
    transport = [file for file in to_open if any(word in file for word in TRANSPORT)]
    lines = {file: len((ROOT / file).read_text("utf-8").splitlines()) for file in to_open}
    besides = [file for file in found["ran"] if file not in to_open]
    listed = "\n".join(f"- `{file}`, {lines[file]} lines" for file in to_open)
    return (
        f"## {name}\n\n{len(found['ran'])} files run; {len(to_open)} must be opened, {sum(lines.values()):,} lines, of "
        f"them {len(transport)} that carry requests and answers, {sum(lines[each] for each in transport):,} lines.\n\n"
        f"Must be opened:\n\n{listed}\n\nRun besides: {', '.join(f'`{file}`' for file in besides)}.\n"
    )


def main() -> int:
    """Trace one click; print it, and keep it where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", metavar="NAME", help=f"add the figures to {RESULTS.name} under this name")
    name = parser.parse_args().write
    with tempfile.TemporaryDirectory(prefix="coreset-click-", ignore_cleanup_errors=True) as folder:
        found = trace_click(Path(folder))
    text = report(found, name or "One click")
    print(text)
    if name:
        start = RESULTS.read_text("utf-8") if RESULTS.exists() else "# Files that one click runs through\n\n"
        RESULTS.write_text(f"{start.rstrip()}\n\n{text}", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
