"""A clock that jumps, for every Python process that finds this folder on its path first.

`time.time` and `time.time_ns` tell the time that the file named by CORESET_CLOCK puts them off by, in seconds. Clocks
that measure how long something takes go on evenly, as they do where a real clock is set. Libraries in C keep theirs:
faking those, too, makes threads of TensorFlow miss wake-ups, which no real clock does.
"""

import os
import time

_FILE = os.environ.get("CORESET_CLOCK", "")
_time, _time_ns = time.time, time.time_ns


def _off_by() -> int:
    try:
        with open(_FILE, encoding="ascii") as stream:  # noqa: PTH123 - read very often
            return int(stream.read() or 0)
    except (OSError, ValueError):
        return 0


if _FILE:
    time.time = lambda: _time() + _off_by()
    time.time_ns = lambda: _time_ns() + _off_by() * 10**9
