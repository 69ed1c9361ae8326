"""Intervals of shares and areas from counts alone, which have a width even where every image was right."""

import math
from collections.abc import Callable

from scipy import optimize, stats


def wilson(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share.

    Parameters
    ----------
    share : float
        0 to 1; may be a mean of several shares.
    n : float
        Number of images that it is a share of; NaN comes back where there are none.
    level : float
        0 < level < 1.

    References
    ----------
    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if not n > 0 or math.isnan(share):
        return math.nan, math.nan
    z = float(stats.norm.ppf((1 + level) / 2))
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # Rounding would otherwise leave the ends of the scale by 1e-17.
    return max(0.0, min((middle - half) / scale, share)), min(1.0, max((middle + half) / scale, share))


def area_interval(area: float, n_inside: float, n_outside: float, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of an area under a ROC curve.

    Parameters
    ----------
    area : float
        0 to 1.
    n_inside, n_outside : float
        Images of the class, and others; NaN comes back where there are none.
    level : float
        0 < level < 1.

    Notes
    -----
    All areas are inside that differ from `area` by at most z standard errors, where the standard error is that of
    Hanley and McNeil at the area in question, with both numbers of images replaced by their mean in its factors.

    References
    ----------
    Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2,
    Statistics in Medicine 25 (2006), method 5.
    """
    if not (n_inside > 0 and n_outside > 0) or math.isnan(area):
        return math.nan, math.nan
    z = float(stats.norm.ppf((1 + level) / 2))
    others = (n_inside + n_outside) / 2 - 1

    def beyond(true: float) -> float:
        factor = 1 + others * ((1 - true) / (2 - true) + true / (1 + true))
        return (area - true) ** 2 - z * z * true * (1 - true) * factor / (n_inside * n_outside)

    return _root(beyond, 0.0, area), _root(beyond, 1.0, area)


def _root(function: Callable[[float], float], end: float, inside: float) -> float:
    """Return where a function that is negative inside becomes 0 on the way to an end of the scale."""
    if end == inside:
        return end
    # At the end itself both terms may be 0, and at `inside` too where that is the other end.
    start = inside + (end - inside) * 1e-9
    return float(optimize.brentq(function, start, end)) if function(start) * function(end) < 0 else end
