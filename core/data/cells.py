"""Draw synthetic stained blood cells: five classes, each of hidden subclasses of unequal frequency.

Nothing here is a photograph or made from one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from coreset_studio.core.data.colour import RGBArray
from coreset_studio.core.data.slide import REFERENCE_SIDE, Density, Plane, Point, Slide, union

_NUCLEUS: Density = (0.98, 1.45, 0.55)
_DENSE_NUCLEUS: Density = (1.15, 1.62, 0.72)
_RED_CELL: Density = (0.17, 0.33, 0.27)
_PALE_CYTOPLASM: Density = (0.11, 0.19, 0.07)
_BLUE_CYTOPLASM: Density = (0.46, 0.36, 0.12)
_DEEP_BLUE_CYTOPLASM: Density = (0.72, 0.66, 0.26)
_GREY_CYTOPLASM: Density = (0.36, 0.38, 0.16)
_PINK_CYTOPLASM: Density = (0.14, 0.34, 0.24)
_FINE_GRANULE: Density = (0.20, 0.42, 0.16)
_TOXIC_GRANULE: Density = (0.70, 1.00, 0.40)
_ORANGE_GRANULE: Density = (0.15, 0.56, 0.44)
_AZURE_GRANULE: Density = (0.50, 0.95, 0.30)


def red_cells(slide: Slide, keep_free: float) -> None:
    """Lay red cells around the middle, mostly side by side, none closer to it than `keep_free` reference pixels."""
    rng = slide.rng
    radius = rng.uniform(17, 20)
    placed: list[Point] = []
    n_cells = int(rng.integers(7, 15))
    for _ in range(90):
        if len(placed) == n_cells:
            break
        centre = tuple(rng.uniform(-12, REFERENCE_SIDE + 12, 2))
        middle = REFERENCE_SIDE / 2
        clear = np.hypot(centre[0] - middle, centre[1] - middle) > keep_free + radius * rng.uniform(0.8, 1.05)
        closest = min((np.hypot(centre[0] - x, centre[1] - y) for x, y in placed), default=np.inf)
        if clear and closest > radius * rng.uniform(1.5, 2.1):
            placed.append((float(centre[0]), float(centre[1])))
            _red_cell(slide, placed[-1], radius * rng.normal(1, 0.06))


def _red_cell(slide: Slide, centre: Point, radius: float) -> None:
    rng = slide.rng
    disc = slide.blob(centre, radius, wobble=0.05, stretch=float(rng.uniform(0.93, 1.08)))
    hollow = slide.blob(centre, radius * rng.uniform(0.40, 0.55), wobble=0.10)
    hollow = cv2.GaussianBlur(hollow, (0, 0), 3.2 * slide.unit)
    slide.stain(disc * (1 - rng.uniform(0.35, 0.7) * hollow), _RED_CELL, float(rng.uniform(0.85, 1.15)))


@dataclass(frozen=True)
class _Body:
    """The round of a white cell, before its nucleus."""

    centre: Point
    radius: float
    mask: Plane


def _body(slide: Slide, radius: float, colour: Density, *, wobble: float = 0.06, grain: float = 9) -> _Body:
    rng = slide.rng
    middle = REFERENCE_SIDE / 2
    centre = (middle + float(rng.normal(0, 4)), middle + float(rng.normal(0, 4)))
    radius *= float(np.clip(rng.normal(1, 0.06), 0.85, 1.18))
    red_cells(slide, radius)
    mask = slide.blob(centre, radius, wobble=wobble, stretch=float(rng.uniform(0.93, 1.08)))
    slide.stain(mask * slide.texture(grain, 0.16), colour)
    return _Body(centre, radius, mask)


def _nucleus(slide: Slide, body: _Body, mask: Plane, colour: Density, *, grain: float, strength: float) -> Plane:
    inside = mask * body.mask
    slide.stain(inside * slide.texture(grain, strength), colour)
    return inside


def _offset(slide: Slide, body: _Body, distance: float, angle: float | None = None) -> Point:
    turn = slide.rng.uniform(0, 2 * np.pi) if angle is None else angle
    return body.centre[0] + distance * float(np.cos(turn)), body.centre[1] + distance * float(np.sin(turn))


def _lobes(slide: Slide, body: _Body, number: int, size: float) -> Plane:
    """Return `number` lobes on an arc around the middle, joined by thin bridges."""
    rng = slide.rng
    start, step = rng.uniform(0, 2 * np.pi), rng.uniform(1.25, 1.65) if number > 2 else rng.uniform(2.2, 2.9)
    places = [
        _offset(slide, body, body.radius * float(rng.uniform(0.40, 0.52)), start + step * lobe)
        for lobe in range(number)
    ]
    masks = [slide.blob(p, size * float(rng.uniform(0.88, 1.12)), wobble=0.12, stretch=1.12) for p in places]
    bridge = np.zeros((slide.side, slide.side), dtype=np.uint8)
    path = np.array([(x * slide.unit, y * slide.unit) for x, y in places]).astype(np.int32)
    cv2.polylines(bridge, [path], isClosed=False, color=255, thickness=max(1, round(3 * slide.unit)))
    soft = cv2.GaussianBlur(bridge.astype(np.float32) / 255, (0, 0), 0.8 * slide.unit)
    return union(*masks, np.asarray(soft, dtype=np.float32))


def _band(slide: Slide, body: _Body) -> Plane:
    """Return a nucleus bent like a horseshoe, of even width."""
    rng = slide.rng
    start, sweep = rng.uniform(0, 2 * np.pi), rng.uniform(3.2, 4.3)
    width = rng.uniform(9.5, 12)
    reach = body.radius * rng.uniform(0.44, 0.52)
    angles = np.linspace(start, start + sweep, 24)
    points = np.stack([body.centre[0] + reach * np.cos(angles), body.centre[1] + reach * np.sin(angles)], axis=1)
    drawn = np.zeros((slide.side, slide.side), dtype=np.uint8)
    path = np.rint(points * slide.unit).astype(np.int32)
    cv2.polylines(drawn, [path], isClosed=False, color=255, thickness=max(2, round(2 * width * slide.unit * 0.8)))
    return np.asarray(cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), 1.2 * slide.unit), dtype=np.float32)


def _holes(slide: Slide, where: Plane, number: int, size: float) -> None:
    """Wash `number` vacuoles out of what was stained."""
    bubbles = slide.granules(where, number, size)
    slide.density *= 1 - 0.75 * bubbles


def _neutrophil(slide: Slide, nucleus: Callable[[_Body], Plane]) -> tuple[_Body, Plane]:
    body = _body(slide, 39, _PALE_CYTOPLASM)
    inside = _nucleus(slide, body, nucleus(body), _NUCLEUS, grain=6, strength=0.20)
    free = body.mask * (1 - inside)
    slide.stain(slide.granules(free, 420, 1.5), _FINE_GRANULE, 0.75)
    return body, free


def _segmented(slide: Slide) -> None:
    _neutrophil(slide, lambda body: _lobes(slide, body, int(slide.rng.integers(3, 5)), 12.5))


def _band_form(slide: Slide) -> None:
    _neutrophil(slide, lambda body: _band(slide, body))


def _toxic(slide: Slide) -> None:
    _, free = _neutrophil(slide, lambda body: _lobes(slide, body, int(slide.rng.integers(2, 4)), 13))
    slide.stain(slide.granules(free, 150, 2.6), _TOXIC_GRANULE, 0.8)
    _holes(slide, free, int(slide.rng.integers(3, 8)), 5)


def _lymphocyte(slide: Slide, radius: float, share: float, cytoplasm: Density) -> Plane:
    body = _body(slide, radius, cytoplasm, wobble=0.07)
    place = _offset(slide, body, body.radius * (1 - share) * float(slide.rng.uniform(0.2, 0.8)))
    mask = slide.blob(place, body.radius * share, wobble=0.09, stretch=float(slide.rng.uniform(0.92, 1.1)))
    inside = _nucleus(slide, body, mask, _DENSE_NUCLEUS, grain=8, strength=0.22)
    return body.mask * (1 - inside)


def _small_lymphocyte(slide: Slide) -> None:
    _lymphocyte(slide, 25, 0.88, _BLUE_CYTOPLASM)


def _large_lymphocyte(slide: Slide) -> None:
    _lymphocyte(slide, 39, 0.66, _BLUE_CYTOPLASM)


def _granular_lymphocyte(slide: Slide) -> None:
    free = _lymphocyte(slide, 36, 0.66, _PALE_CYTOPLASM)
    slide.stain(slide.granules(free, int(slide.rng.integers(22, 40)), 3.0), _AZURE_GRANULE)


def _eosinophil(slide: Slide, granules: int, vacuoles: int) -> None:
    body = _body(slide, 40, _PINK_CYTOPLASM, wobble=0.08)
    mask = _lobes(slide, body, 2 if slide.rng.random() < 0.85 else 3, 14.5)
    inside = _nucleus(slide, body, mask, _NUCLEUS, grain=7, strength=0.18)
    free = body.mask * (1 - inside)
    slide.stain(slide.granules(free, granules, 3.6), _ORANGE_GRANULE, 0.85)
    if vacuoles:
        _holes(slide, free, vacuoles, 7)


def _full_eosinophil(slide: Slide) -> None:
    _eosinophil(slide, int(slide.rng.integers(110, 190)), 0)


def _emptied_eosinophil(slide: Slide) -> None:
    _eosinophil(slide, 55, int(slide.rng.integers(9, 16)))


def _erythroblast(slide: Slide, radius: float, share: float, cytoplasm: Density, nucleus: Density) -> None:
    body = _body(slide, radius, cytoplasm, wobble=0.05)
    place = _offset(slide, body, body.radius * (1 - share) * float(slide.rng.uniform(0.1, 0.7)))
    mask = slide.blob(place, body.radius * share, wobble=0.04)
    _nucleus(slide, body, mask, nucleus, grain=5, strength=0.26)


def _late_erythroblast(slide: Slide) -> None:
    _erythroblast(slide, 25, 0.52, _PINK_CYTOPLASM, (1.5, 1.95, 1.05))


def _middle_erythroblast(slide: Slide) -> None:
    _erythroblast(slide, 29, 0.64, _GREY_CYTOPLASM, _DENSE_NUCLEUS)


def _early_erythroblast(slide: Slide) -> None:
    _erythroblast(slide, 36, 0.76, _DEEP_BLUE_CYTOPLASM, _NUCLEUS)


def _platelet_at(slide: Slide, centre: Point, radius: float) -> None:
    mask = slide.blob(centre, radius, wobble=0.20, stretch=float(slide.rng.uniform(0.8, 1.2)))
    slide.stain(mask * slide.texture(5, 0.2), _PALE_CYTOPLASM, 1.3)
    slide.stain(slide.granules(mask, int(1.2 * radius**1.6), 2.0), _AZURE_GRANULE, 0.55)


def _middle(slide: Slide, spread: float) -> Point:
    x, y = REFERENCE_SIDE / 2 + slide.rng.normal(0, spread, 2)
    return float(x), float(y)


def _single_platelet(slide: Slide) -> None:
    red_cells(slide, 12)
    _platelet_at(slide, _middle(slide, 4), float(slide.rng.uniform(7, 10)))


def _giant_platelet(slide: Slide) -> None:
    red_cells(slide, 26)
    _platelet_at(slide, _middle(slide, 4), float(slide.rng.uniform(18, 23)))


def _platelet_clump(slide: Slide) -> None:
    red_cells(slide, 30)
    for _ in range(int(slide.rng.integers(6, 12))):
        _platelet_at(slide, _middle(slide, 12), float(slide.rng.uniform(6, 10)))


@dataclass(frozen=True)
class Kind:
    """A hidden subclass inside a class: its share of the class, and how it is drawn."""

    share: float
    paint: Callable[[Slide], None]


@dataclass(frozen=True)
class CellClass:
    """A class: its share of the images, and its kinds by name."""

    share: float
    kinds: Mapping[str, Kind]


CLASSES: Mapping[str, CellClass] = {
    "eosinophil": CellClass(
        0.17,
        {
            "full of granules": Kind(0.8, _full_eosinophil),
            "emptied": Kind(0.2, _emptied_eosinophil),
        },
    ),
    "erythroblast": CellClass(
        0.12,
        {
            "late": Kind(0.55, _late_erythroblast),
            "middle": Kind(0.30, _middle_erythroblast),
            "early": Kind(0.15, _early_erythroblast),
        },
    ),
    "lymphocyte": CellClass(
        0.27,
        {
            "small": Kind(0.66, _small_lymphocyte),
            "large": Kind(0.22, _large_lymphocyte),
            "granular": Kind(0.12, _granular_lymphocyte),
        },
    ),
    "neutrophil": CellClass(
        0.34,
        {
            "segmented": Kind(0.70, _segmented),
            "band": Kind(0.21, _band_form),
            "toxic": Kind(0.09, _toxic),
        },
    ),
    "platelet": CellClass(
        0.10,
        {
            "single": Kind(0.60, _single_platelet),
            "clump": Kind(0.25, _platelet_clump),
            "giant": Kind(0.15, _giant_platelet),
        },
    ),
}
"""The classes and their kinds; shares add up to 1."""


def draw_cell(class_name: str, kind: str, side: int, rng: np.random.Generator) -> RGBArray:
    """Draw one image.

    Parameters
    ----------
    class_name, kind : str
        Names in `CLASSES`.
    side : int
        Pixels, at least 32.
    rng : Generator

    Returns
    -------
    ndarray of shape (side, side, 3), uint8
    """
    slide = Slide(side, rng)
    CLASSES[class_name].kinds[kind].paint(slide)
    return slide.photograph()
