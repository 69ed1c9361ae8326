"""A synthetic field of view under a microscope: shapes, textures, granules, and the image taken of them.

Every structure adds optical density for red, green and blue, and light falls off exponentially with it
(Beer–Lambert), so overlapping cells darken each other by themselves.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.data.colour import RGBArray

Plane = NDArray[np.float32]
Density = tuple[float, float, float]
Point = tuple[float, float]

REFERENCE_SIDE = 160.0
"""Side in pixels at which lengths are meant; other sides are scaled."""

_LAMP = (246.0, 231.0, 212.0)


class Slide:
    """A field of view in the making.

    Parameters
    ----------
    side : int
        Pixels.
    rng : Generator
        All that differs from image to image.
    """

    def __init__(self, side: int, rng: np.random.Generator) -> None:
        self.side = side
        self.rng = rng
        self.unit = side / REFERENCE_SIDE
        self.density: Plane = np.zeros((3, side, side), dtype=np.float32)  # plane by plane
        self._y, self._x = np.mgrid[0:side, 0:side].astype(np.float32)

    def blob(self, centre: Point, radius: float, *, wobble: float = 0.06, stretch: float = 1.0) -> Plane:
        """Return the soft mask, 0 to 1, of a rounded shape; lengths in reference pixels."""
        rng = self.rng
        turn = float(rng.uniform(0, math.pi))
        waves = [(wave, float(rng.normal(0, wobble / wave)), float(rng.uniform(0, 2 * math.pi))) for wave in (2, 3, 5)]
        mask = np.zeros((self.side, self.side), dtype=np.float32)
        window = self._window(centre, radius * max(stretch, 1 / stretch) * (1 + 2 * wobble) + 6)
        x = self._x[window] - np.float32(centre[0] * self.unit)
        y = self._y[window] - np.float32(centre[1] * self.unit)
        along = (x * math.cos(turn) + y * math.sin(turn)) / stretch
        across = (y * math.cos(turn) - x * math.sin(turn)) * stretch
        angle = np.arctan2(across, along)
        edge = np.full_like(angle, radius * self.unit)
        for wave, height, phase in waves:
            edge *= 1 + height * np.cos(wave * angle + phase)
        mask[window] = _soft(edge - np.hypot(along, across), 0.8 * self.unit)
        return mask

    def _window(self, centre: Point, reach: float) -> tuple[slice, slice]:
        """Return the part of the image within `reach` of `centre`: most shapes are small."""
        x, y = (
            slice(max(0, math.floor((c - reach) * self.unit)), max(0, math.ceil((c + reach) * self.unit)))
            for c in centre
        )
        return y, x

    def texture(self, grain: float, strength: float) -> Plane:
        """Return smooth noise around 1 with spots of about `grain` reference pixels."""
        cells = max(3, round(REFERENCE_SIDE / grain))
        coarse = self.rng.standard_normal((cells, cells)).astype(np.float32)
        smooth = cv2.resize(coarse, (self.side, self.side), interpolation=cv2.INTER_CUBIC)
        return np.asarray(np.clip(1 + strength * smooth, 0.2, 2.0), dtype=np.float32)

    def granules(self, where: Plane, number: int, size: float) -> Plane:
        """Return the mask of `number` dots of `size` reference pixels, placed evenly where `where` is high."""
        chance = where.ravel().astype(np.float64)
        total = chance.sum()
        dots = np.zeros(self.side * self.side, dtype=np.float32)
        if total > 1:
            at = np.searchsorted(np.cumsum(chance), self.rng.uniform(0, total, number))
            np.add.at(dots, np.minimum(at, dots.size - 1), self.rng.uniform(0.6, 1.3, number).astype(np.float32))
        sigma = max(0.45, size * self.unit / 2)
        spread = cv2.GaussianBlur(dots.reshape(self.side, self.side), (0, 0), sigma) * float(2 * np.pi * sigma**2)
        return np.asarray((1 - np.exp(-1.6 * spread)) * np.minimum(1, 1.5 * where), dtype=np.float32)

    def stain(self, mask: Plane, colour: Density, strength: float = 1.0) -> None:
        """Add the density `colour` where `mask` is."""
        for plane, amount in zip(self.density, colour, strict=True):
            plane += mask * (strength * amount)

    def photograph(self) -> RGBArray:
        """Return the finished image, shape (side, side, 3): light, stain of this slide, focus, noise."""
        rng = self.rng
        strength = float(np.exp(rng.normal(0, 0.10))) * rng.normal(1, 0.04, 3)
        lamp = np.array(_LAMP) * rng.normal(1, 0.012, 3)
        slope_x, slope_y = (float(slope) / self.side for slope in rng.normal(0, 0.025, 2))
        shade = 1 + slope_x * (self._x - self.side / 2) + slope_y * (self._y - self.side / 2)
        planes = [float(lamp[band]) * shade * np.exp(-float(strength[band]) * self.density[band]) for band in range(3)]
        light = cv2.GaussianBlur(cv2.merge(planes), (0, 0), float(rng.uniform(0.55, 1.15)) * max(self.unit, 0.4))
        grain = rng.standard_normal(light.shape, dtype=np.float32)
        light += cv2.GaussianBlur(grain, (0, 0), 0.6) * float(rng.uniform(2.0, 4.0))
        return np.asarray(np.clip(np.rint(light), 0, 255), dtype=np.uint8)


def _soft(distance: Plane, width: float) -> Plane:
    """Return 1 inside, 0 outside, and a smooth step of `width` pixels between, for a signed distance."""
    return np.asarray(1 / (1 + np.exp(np.clip(-distance / max(width, 0.35), -30, 30))), dtype=np.float32)


def union(*masks: Plane) -> Plane:
    """Return the mask of what is in any of `masks`."""
    free = np.ones_like(masks[0])
    for mask in masks:
        free *= 1 - mask
    return np.asarray(1 - free, dtype=np.float32)
