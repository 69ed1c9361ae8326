"""Shares and times as the window, the command line and the report write them."""

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
