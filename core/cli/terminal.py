"""Progress of a long command: one updated line on a terminal, plain lines elsewhere; Ctrl+C stops it."""

import signal
import sys
import time
import unicodedata
from collections.abc import Callable
from types import FrameType
from typing import TextIO

from coreset_studio.core.cli.streams import n_cells, takes_escapes, usable
from coreset_studio.core.errors import CancelledError
from coreset_studio.core.progress import SHARES
from coreset_studio.core.words import duration

BAR_WIDTH = 24
SECONDS_BETWEEN_LINES = 5.0
SECONDS_BETWEEN_UPDATES = 0.1


# Control characters, marks of direction and other formatting, lone surrogates; the ends of lines and of paragraphs.
_NOT_SHOWN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# They join letters in Persian and Hindi, and parts of emoji.
_JOINERS = {"\u200c", "\u200d"}


def plain(text: object) -> str:
    r"""Return `text` as one line that a terminal can only show: what would steer it is written as an escape.

    Names of files and classes are the user's, or come with somebody's images: they may hold control sequences, ends of
    lines and marks that turn the direction of writing. These become ``\x1b``, ``\n``, ``\u202e`` and the like.
    """
    return "".join(repr(each)[1:-1] if _steers(each) else each for each in str(text))


def _steers(character: str) -> bool:
    return character not in _JOINERS and unicodedata.category(character) in _NOT_SHOWN


def say(text: object = "", *, file: TextIO | None = None, flush: bool = False) -> None:
    """Print one line that may hold names; see `plain`."""
    print(plain(text), file=file, flush=flush)


class TerminalProgress:
    """Progress on standard error, cancelled by the first Ctrl+C.

    Parameters
    ----------
    stream : file
        Default: standard error.
    on_part : callable, optional
        Called with every part that is published.
    """

    def __init__(self, stream: TextIO | None = None, on_part: Callable[[object], None] | None = None) -> None:
        self._stream = usable(stream if stream is not None else sys.stderr)
        self._moving = self._stream.isatty()
        self._erases = self._moving and takes_escapes(self._stream)
        self._n_shown = 0
        self._on_part = on_part
        self._message = ""
        self._started = self._shown = 0.0
        self._stop = False

    def listen_for_interrupt(self) -> None:
        """Let the first Ctrl+C request a stop at the next unit of work, and a second one stop immediately."""

        def ask(_number: int, _frame: FrameType | None) -> None:
            if self._stop:
                raise KeyboardInterrupt
            self._stop = True
            self._stream.write("\nStopping after this unit of work; press Ctrl+C again to stop immediately.\n")

        signal.signal(signal.SIGINT, ask)

    def report(self, done: int, total: int, message: str = "") -> None:
        """Show how far it is; raise `CancelledError` after Ctrl+C."""
        if self._stop:
            raise CancelledError
        now = time.monotonic()
        message = plain(message)
        label = message.split(":")[0]
        if label != self._message:
            self._message, self._started = label, now
            self._shown = 0.0 if self._moving else self._shown
        finished = total > 0 and done >= total
        wait = SECONDS_BETWEEN_UPDATES if self._moving else SECONDS_BETWEEN_LINES
        if self._shown and now - self._shown < wait and not (finished and self._moving):
            return
        self._shown = now
        self._write(done, total, message, now)

    def _write(self, done: int, total: int, message: str, now: float) -> None:
        unit = message.partition(":")[2].strip()
        if total > 0 and unit == SHARES:
            count = f"{done / total:.0%}".replace("%", " %")
        else:
            count = f"{done:,} of {total:,} {unit}".strip() if total > 0 else f"{done:,} {unit}".strip()
        if not self._moving:
            self._stream.write(f"{self._message} · {count}\n")
            self._stream.flush()
            return
        share = done / total if total > 0 else 0.0
        filled = round(BAR_WIDTH * share)
        left = ""
        elapsed = now - self._started
        if 0 < share < 1 and elapsed > 2:
            left = f" · about {duration(elapsed * (1 - share) / share)} left"
        bar = "█" * filled + "░" * (BAR_WIDTH - filled)
        line = f"{self._message} {bar} {count}{left}"
        if self._erases:
            self._stream.write(f"\r\x1b[K{line}")
        else:
            # Spaces cover what is left of a longer line.
            cells = n_cells(line)
            self._stream.write(f"\r{line}{' ' * (self._n_shown - cells)}")
            self._n_shown = cells
        if share >= 1:
            self._stream.write("\n")
            self._n_shown = 0
        self._stream.flush()

    def publish(self, part: object, /) -> None:
        """Pass a finished part to `on_part`."""
        if self._on_part is not None:
            self._on_part(part)


def table(header: list[str], rows: list[list[str]], numbers: set[int] | None = None) -> str:
    """Return rows under a header, columns aligned; those in `numbers` to the right. Cells may hold names."""
    numbers = numbers or set()
    cells = [[plain(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[c]) for row in cells) for c in range(len(header))]
    lines = []
    for row in cells:
        parts = [row[c].rjust(widths[c]) if c in numbers else row[c].ljust(widths[c]) for c in range(len(header))]
        lines.append("  ".join(parts).rstrip())
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)
