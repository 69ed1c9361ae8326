"""Images changed while they are trained on: orientations and stains by NumPy, small changes by Keras layers.

What is kept in the cache, validation images and test images are never changed. All is drawn from seeds that name the
epoch, so that the same training gives the same weights on any number of threads.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.features.engine import import_keras, import_tensorflow
from coreset_studio.core.results import IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.settings import PIXEL_PARTS, Parts
from coreset_studio.core.training.staining import jitter_stains

ORIENTATIONS = 8

Pixels = NDArray[np.uint8]


def orient(images: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return square images in one of their 8 orientations, as a view.

    Parameters
    ----------
    images : ndarray of shape (n, size, size, channels)
    orientation : int
        0 to 7: quarter turns, and from 4 on a flip left to right before them; 0 leaves them as they are.
    """
    flipped = images[:, :, ::-1] if orientation >= ORIENTATIONS // 2 else images
    return np.rot90(flipped, orientation % (ORIENTATIONS // 2), axes=(1, 2))


def oriented(images: NDArray[Any], orientations: IntArray) -> NDArray[Any]:
    """Return square images, each in an orientation of its own; see `orient`."""
    turned = images.copy()
    for orientation in np.unique(orientations):
        rows = orientations == orientation
        turned[rows] = orient(images[rows], int(orientation))
    return turned


def orientations_of(keys: Sequence[str], seed: int, epoch: int) -> IntArray:
    """Return the orientation of each image in an epoch, 0 to 7, shape (n,), by seed, epoch and the image's hash."""
    drawn = (hashlib.sha256(f"orientation\x1f{seed}\x1f{epoch}\x1f{key}".encode()).digest()[0] for key in keys)
    return np.fromiter((byte % ORIENTATIONS for byte in drawn), dtype=np.int64, count=len(keys))


def pixel_changes(parts: Parts, seed: int) -> Callable[[Pixels, int, int], Pixels] | None:
    """Return a function for shifts, zoom, brightness, contrast and stains as in `parts`; None without such parts.

    Returns
    -------
    callable
        From pixels of shape (n, size, size, 3), uint8, the epoch and the number of the batch in it to pixels likewise.

    Notes
    -----
    Stains first, on the pixels as they are; see `core.training.staining.jitter_stains`. Then layers of Keras, called
    outside of the network, so that a saved model has none of them. A seed is given with every call, and no layer keeps
    a state. What comes into the image from outside is mirrored at its edge.
    """
    if not any(getattr(parts, name) for name in PIXEL_PARTS):
        return None
    layers = import_keras().layers

    made: list[tuple[str, Any]] = []
    if parts.shifts:
        made.append(("shifts", layers.RandomTranslation(parts.shifts, parts.shifts)))
    if parts.zoom:
        made.append(("zoom", layers.RandomZoom((-parts.zoom, parts.zoom))))
    if parts.brightness:
        made.append(("brightness", layers.RandomBrightness(parts.brightness)))
    if parts.contrast:
        made.append(("contrast", layers.RandomContrast(parts.contrast)))

    def change(pixels: Pixels, epoch: int, batch: int) -> Pixels:
        if parts.stain_jitter:
            pixels = jitter_stains(pixels, parts.stain_jitter, generator(seed, "stain_jitter", epoch, batch))
        if not made:
            return pixels
        tf = import_tensorflow()

        images = tf.convert_to_tensor(pixels, tf.float32)
        for name, layer in made:
            drawn = int(generator(seed, name, epoch, batch).integers(2**31))
            how = layer.get_random_transformation(images, training=True, seed=drawn)
            images = layer.transform_images(images, how, training=True)
        changed: Pixels = np.clip(np.rint(np.asarray(images)), 0, 255).astype(np.uint8)
        return changed

    return change
