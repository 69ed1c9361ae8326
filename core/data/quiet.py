"""Keep Pillow's remarks about odd metadata out of the user's terminal, from any number of threads."""

import threading
import warnings
from types import TracebackType

from PIL import Image


class QuietPillow:
    """A context in which warnings about an image are ignored; it may be entered by many threads at once.

    `warnings.catch_warnings` alone must not be: threads that leave in another order than they entered would put
    back each other's filters. So the first one in sets the filters and the last one out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.simplefilter("ignore", UserWarning)
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._saved is not None:
                self._saved.__exit__(kind, error, trace)
                self._saved = None
