"""Shares, times and sizes as the window, the command line and the report write them."""

import math


def percent(share: float) -> str:
    """Return a share as a percentage with at most three significant digits: ``0.3 %``, ``5 %``, ``12.5 %``.

    Parameters
    ----------
    share : float
        1 is everything.
    """
    value = 100 * share
    return f"{value:.3g} %" if abs(value) < 999.5 else f"{value:,.0f} %"


def duration(seconds: float) -> str:
    """Return a time: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``25 min``, ``2 h 5 min``; ``–`` for NaN.

    Parameters
    ----------
    seconds : float
        What is not above 0 is ``0 s``.
    """
    if math.isnan(seconds):
        return "–"
    if seconds < 0.1:
        return f"{seconds:.1g} s" if seconds >= 0.01 else "under 0.01 s" if seconds > 0 else "0 s"
    if seconds < 9.95:
        return f"{round(seconds, 1):g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    hours, rest = divmod(round(whole / 60), 60)
    return f"{hours:,} h {rest} min" if rest else f"{hours:,} h"


def byte_size(n_bytes: float) -> str:
    """Return a size in memory or on disk: ``12 bytes``, ``3.2 kB``, ``59 MB``, ``1.4 GB``.

    Parameters
    ----------
    n_bytes : float
        At least 0. Units are powers of 1000.
    """
    value, unit = float(n_bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:,.0f} {unit}" if unit == "bytes" or value >= 9.95 else f"{value:.1f} {unit}"
