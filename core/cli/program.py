"""Run one command and turn every error raised on purpose into one sentence and an exit code."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from coreset_studio.core import memory
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.cache_limit import trim_after_work
from coreset_studio.core.cli import crash_watch
from coreset_studio.core.cli.cluster_notes import scheduler_of
from coreset_studio.core.cli.failure import failure_sentence, log_file
from coreset_studio.core.cli.parser import Command, build_parser
from coreset_studio.core.cli.streams import is_unread, prepare_streams
from coreset_studio.core.cli.terminal import say
from coreset_studio.core.cluster import connected
from coreset_studio.core.cluster.at_once import trained_at_once
from coreset_studio.core.cluster.notes import cluster_notes
from coreset_studio.core.descriptions import plugin_problems
from coreset_studio.core.errors import CancelledError, CoresetError, MemoryShortError
from coreset_studio.core.files import reason_of
from coreset_studio.core.resources import ensure_home
from coreset_studio.core.threads import limit_threads
from coreset_studio.core.version import __version__
from coreset_studio.core.windows import make_known

DONE, FAILED, BAD_INPUT, CANCELLED = 0, 1, 2, 130


MODULES = {
    "scan": "commands",
    "extractors": "commands",
    "features": "features_command",
    "embed": "features_command",
    "cluster": "cluster_command",
    "select": "commands",
    "export": "commands",
    "verify": "commands",
    "diff": "difference_commands",
    "stability": "difference_commands",
    "methods": "methods",
    "rerun": "commands",
    "weights": "commands",
    "model": "model_command",
    "plugins": "commands",
    "compare": "training_commands",
    "run": "training_commands",
    "search": "search_command",
    "size": "size_command",
    "predict": "training_commands",
    "evaluate": "training_commands",
    "explain": "explain_command",
    "demo": "training_commands",
}
"""The module of `core.cli` with the function of each command, which has its name."""

# Modules whose notes are shown. They are named, not imported, so that help appears at once.
_ALWAYS_NOTED = (memory.__name__,)
_NOTED_UNLESS_SCANNED = ("coreset_studio.core.data.dataset", "coreset_studio.core.data.split")


def _later(name: str, module: str) -> Command:
    """Return a command of a module of `core.cli` that is imported when it is called: the others start sooner."""

    def run(options: argparse.Namespace) -> int:
        return int(getattr(importlib.import_module(f"coreset_studio.core.cli.{module}"), name)(options))

    return run


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; see `core.cli.main`."""
    # TensorFlow's start-up messages would appear between the lines of progress.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    prepare_streams()
    make_known(has_window=False)
    without_home = ensure_home()
    if without_home:
        say(f"note: {without_home}", file=sys.stderr)
    noted = _Notes(logging.INFO)
    given = sys.argv[1:] if arguments is None else arguments
    # `scan` lists all that was assumed itself.
    names = [*_ALWAYS_NOTED, *(() if "scan" in given[:1] else _NOTED_UNLESS_SCANNED)]
    for name in names:
        logging.getLogger(name).addHandler(noted)
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        return _run(arguments)
    except (CancelledError, KeyboardInterrupt):
        print("Cancelled. Finished work is kept; the same command resumes from there.", file=sys.stderr)
        return CANCELLED
    except CoresetError as error:
        say(f"coreset: {error}", file=sys.stderr)
        return FAILED if isinstance(error, MemoryShortError) else BAD_INPUT
    except Exception as error:
        if is_unread(error):
            # The reader of the output, such as `head`, has closed it.
            sys.stderr.close()
            return DONE
        say(f"coreset: {failure_sentence(error, given)}", file=sys.stderr)
        return FAILED
    finally:
        for name in names:
            logging.getLogger(name).removeHandler(noted)


class _Notes(logging.Handler):
    """Show messages on memory requirements and on assumptions about the images, each once."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line to standard error."""
        message = record.getMessage()
        if message not in self._printed:
            self._printed.add(message)
            say(f"note: {message}", file=sys.stderr)


def _run(arguments: Sequence[str] | None) -> int:
    parser = build_parser({name: _later(name, module) for name, module in MODULES.items()})
    options: argparse.Namespace = parser.parse_args(arguments)
    cache = getattr(options, "cache", None) or default_cache_folder()
    crash_watch.set_facts(cache, log_file(), __version__, sys.argv[1:])
    threads = getattr(options, "threads", None)
    if threads is not None:
        limit_threads(threads)
    if options.command != "plugins":
        for problem in plugin_problems():
            say(f"note: {problem.sentence}", file=sys.stderr)
    with connected(scheduler_of(options)) as cluster:
        if cluster is not None:
            for note in cluster_notes(cluster):
                say(f"note: {note}", file=sys.stderr)
        with trained_at_once(getattr(options, "at_once", 1)):
            code = int(options.run(options))
    _keep_limit()
    return code


def _keep_limit() -> None:
    """Trim the cache to its limit. The command is done, so faults here do not affect it."""
    try:
        for note in trim_after_work():
            say(f"note: {note}", file=sys.stderr)
    except (CancelledError, KeyboardInterrupt):
        pass
    except OSError as error:
        say(f"note: The cache could not be trimmed to its limit ({reason_of(error)}).", file=sys.stderr)
