"""The number of images that a margin needs, and of labels that a check of it needs, in figures and in a sentence."""

import math
from statistics import NormalDist

from coreset_studio.core.results.sizes import SizeAnswer, SizeCurve, Sizes
from coreset_studio.core.words import duration, percent

ERROR_RATE = 0.05
"""Of each of the two one-sided tests."""
POWER = 0.8
HALF = 0.5
"""The share of the pool at which the smallest margin is computed: a larger coreset would hardly save anything."""
MOST_LABELS = 10_000_000
_NORMAL = NormalDist()


def answer_of(sizes: Sizes, margin: float) -> SizeAnswer:
    """Return how many images are needed if at most `margin` of accuracy may be lost.

    A size qualifies if the 90 % interval of its loss is inside the margin, and those of all larger sizes are: the
    sizes are tested from the largest down, each by two one-sided tests at 5 %, until the first one fails. In this
    fixed sequence the error rate of all tests together is 5 % as well.

    Parameters
    ----------
    sizes : Sizes
    margin : float
        As a share, above 0.

    References
    ----------
    Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987). Fixed sequences: Maurer, Hothorn and
    Lehmacher, Multiple comparisons in drug clinical trials, in: Biometrie in der chemisch-pharmazeutischen Industrie 6
    (1995).
    """
    least = smallest_margin(sizes.chosen)
    if margin < least:
        return SizeAnswer(margin, least, None, None, None, _refusal(sizes, margin, least), is_refused=True)
    place, at_random = _smallest(sizes.chosen, margin), _smallest(sizes.random, margin)
    if place is None:
        return SizeAnswer(margin, least, None, None, None, _nothing(sizes, margin))
    curve = sizes.chosen
    images = min(rounded_up(curve.sizes[place]), sizes.n_pool)
    random = None if at_random is None else min(rounded_up(sizes.random.sizes[at_random]), sizes.n_pool)
    labels = labels_needed(curve.loss[place], curve.variance[place], margin)
    sentence = _sentence(sizes, images, random, labels, place)
    return SizeAnswer(margin, least, images, random, labels, sentence)


def smallest_margin(curve: SizeCurve) -> float:
    """Return the smallest margin that can be shown, as a share, rounded up to a tenth of a point.

    It is the half-width of the 90 % interval at half of the pool: even a coreset of that size that loses nothing could
    not be shown to stay within a smaller one.
    """
    half = HALF * curve.sizes[-1]
    place = min(range(len(curve.sizes)), key=lambda at: abs(curve.sizes[at] - half))
    return math.ceil(1000 * (curve.high[place] - curve.loss[place]) - 1e-9) / 1000


def labels_needed(loss: float, variance: float, margin: float) -> int | None:
    """Return on how many images two one-sided tests show with a probability of 80 % that a loss is within a margin.

    Parameters
    ----------
    loss : float
        The expected loss of accuracy, as a share.
    variance : float
        Of the paired difference on one image: the share of images on which only one of both is right, minus the
        squared loss.
    margin : float

    Returns
    -------
    int or None
        At least 1; None if the loss is not inside the margin, so that no number is enough.

    Notes
    -----
    The smallest n for which Φ((δ − Δ)/s − z) + Φ((δ + Δ)/s − z) − 1 ≥ 0.8, with Δ the loss, δ the margin, s² the
    variance / n and z = 1.645. Without any expected loss this is n = (1.645 + 1.282)² · variance / δ². With no variance
    it is the number of images without any difference that excludes a loss of δ at 5 %: log 0.05 / log(1 − δ).

    References
    ----------
    Liu, Hsueh, Hsieh and Chen, Tests for equivalence or non-inferiority for paired binary data, Statistics in Medicine
    21 (2002).
    """
    if not abs(loss) < margin:
        return None
    # Even if all images agree, fewer would not exclude a loss of the margin.
    least = 1 if margin >= 1 else math.ceil(math.log(ERROR_RATE) / math.log(1 - margin))
    low, high = 0, 1
    while _power(high, loss, variance, margin) < POWER:
        low, high = high, 2 * high
        if high > MOST_LABELS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(middle, loss, variance, margin) >= POWER else (middle, high)
    return max(high, least)


def _power(n: int, loss: float, variance: float, margin: float) -> float:
    """Return the probability that both one-sided tests succeed on n images."""
    if variance <= 0:
        return 1.0
    error, z = math.sqrt(variance / n), _NORMAL.inv_cdf(1 - ERROR_RATE)
    return _NORMAL.cdf((margin - loss) / error - z) + _NORMAL.cdf((margin + loss) / error - z) - 1


def points(share: float) -> str:
    """Return a share of accuracy in points, such as ``"2 points"`` or ``"0.5 points"``."""
    number = f"{100 * share:.3g}"
    return f"{number} point{'' if number == '1' else 's'}"


def _smallest(curve: SizeCurve, margin: float) -> int | None:
    """Return the place of the smallest size that qualifies; the whole pool alone does not count."""
    found = None
    for place in range(len(curve.sizes) - 2, -1, -1):
        if not (-margin < curve.low[place] and curve.high[place] < margin):
            break
        found = place
    return found


def rounded_up(n: int) -> int:
    """Return a number of at least 1, rounded up to two significant digits: more are not known of it."""
    unit = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // unit) * unit


def _sentence(sizes: Sizes, images: int, random: int | None, labels: int | None, place: int) -> str:
    beside = f"or about {random:,} at random" if random is not None else "and at random nearly the whole pool"
    checking = f"; checking it requires {rounded_up(labels):,} validation labels" if labels is not None else ""
    saved = ""
    if sizes.seconds and sizes.seconds[-1] > 0:
        least, most = sizes.seconds[place], sizes.seconds[-1]
        less = round(1 - least / most, 2)
        saved = (
            f"; training the {sizes.network} takes about {duration(least)} instead of {duration(most)} "
            f"({percent(less)} less)"
            if less > 0
            else f"; training the {sizes.network} takes about as long as on the whole pool ({duration(most)})"
        )
    return f"{images:,} images selected, {beside}{checking}{saved}."


def _refusal(sizes: Sizes, margin: float, least: float) -> str:
    larger = f"Use a margin of at least {points(least)} ({least:g}), or add" if least < HALF else "Add"
    return (
        f"A margin of {points(margin)} cannot be shown with the {sizes.n_pool:,} images of this pool: the smallest "
        f"margin that they can show is {points(least)}. {larger} labelled images."
    )


def _nothing(sizes: Sizes, margin: float) -> str:
    return (
        f"No coreset of this pool of {sizes.n_pool:,} images was shown to lose less than {points(margin)}: train on "
        "all of them, or use a larger margin."
    )
