"""The code of a model of the user as an extractor."""

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.own_models.extractor import BLOCK
from coreset_studio.core.features.own_models.running import Runner, open_session
from coreset_studio.core.features.own_models.settings import ModelSettings
from coreset_studio.core.features.own_models.structure import LARGEST_FILE
from coreset_studio.core.features.steps import Compute, Pixels, Prepared, Steps
from coreset_studio.core.features.weight_files import Tensors
from coreset_studio.core.files import reason_of
from coreset_studio.core.reading import read_regular

if TYPE_CHECKING:
    from coreset_studio.core.features.own_models.store import OwnModel

_LONGEST = 4
_INTERPOLATIONS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def steps_of(model: "OwnModel") -> Steps:
    """Return the code of a model that was added."""

    def load(tensors: Tensors | None) -> Compute:  # noqa: ARG001 - it has no weights of a known network
        runner = Runner(open_session(_content(model), model.title), model.port, model.settings, model.title)
        return lambda batch: {BLOCK: runner.rows(batch)}

    return Steps(prepare=lambda rgb: prepared(rgb, model.settings), load=load)


def prepared(rgb: Pixels, settings: ModelSettings) -> Prepared:
    """Resize one image, uint8 of shape (h, w, 3), to the square of a model, as torchvision does on Pillow images.

    Parameters
    ----------
    settings : ModelSettings
        With an `input_size`.
    """
    size = settings.input_size or 1
    if settings.resize == "stretch":
        return _resized(rgb, size, size, settings)
    rgb = _without_ends(rgb)
    height, width = rgb.shape[:2]
    # Rounded as timm and torchvision do.
    shorter = math.floor(size / settings.crop_fraction)
    longer = int(shorter * max(height, width) / min(height, width))
    wide, high = (shorter, longer) if width <= height else (longer, shorter)
    whole = _resized(rgb, max(wide, size), max(high, size), settings)
    top, left = round((whole.shape[0] - size) / 2), round((whole.shape[1] - size) / 2)
    return np.ascontiguousarray(whole[top : top + size, left : left + size])


def _without_ends(rgb: Pixels) -> Pixels:
    """Cut the ends off an image much longer than wide: they are cut off later anyway, but would first be enlarged."""
    height, width = rgb.shape[:2]
    most = _LONGEST * min(height, width)
    top, left = max(0, height - most) // 2, max(0, width - most) // 2
    return rgb[top : top + most, left : left + most]


def _resized(rgb: Pixels, width: int, height: int, settings: ModelSettings) -> Prepared:
    if rgb.shape[:2] == (height, width):
        return np.ascontiguousarray(rgb)
    resized = Image.fromarray(rgb).resize((width, height), _INTERPOLATIONS[settings.interpolation])
    return np.asarray(resized)


def _content(model: "OwnModel") -> bytes:
    """Return the model's file if it is the one that was checked.

    Raises
    ------
    FeatureError
        If it cannot be read, or has changed.
    """
    try:
        data = read_regular(model.file, LARGEST_FILE)
    except OSError as error:
        raise FeatureError(
            f"The file of the model {model.title} cannot be read ({reason_of(error)}): {model.file}. Remove the model "
            f"with `coreset model remove {model.name}`, and add it again."
        ) from error
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise FeatureError(
            f"The file of the model {model.title} was changed after it was checked: {model.file}. Remove the model "
            f"with `coreset model remove {model.name}`, and add it again."
        )
    return data
