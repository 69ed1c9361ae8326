"""Input properties that an ONNX file does not state, and properties of the model that the user states."""

import math
from dataclasses import dataclass

from coreset_studio.core.descriptions import SettingsPart, choice
from coreset_studio.core.errors import SettingsError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_TRIPLE = "three numbers, those of red, green and blue, such as 0.485, 0.456, 0.406"


@dataclass(frozen=True, kw_only=True)
class ModelSettings(SettingsPart):
    """How images are prepared for a model, which of its outputs are the features, and where it comes from.

    Attributes
    ----------
    input_size : int or None
        Side in pixels of the square input; None: the size that the model itself names.
    resize : {"stretch", "crop"}
        Whether an image is stretched to the square, or its shorter side is resized and the middle cut out.
    crop_fraction : float
        0 < fraction <= 1, for ``"crop"``: the shorter side is resized to `input_size` / `crop_fraction`.
    interpolation : {"bilinear", "bicubic"}
        As Pillow and torchvision compute it, averaged over areas where an image shrinks.
    channels : {"RGB", "BGR"}
    scale : {"0-1", "0-255"}
        Range of the pixels before mean and standard deviation.
    mean, std : tuple of float
        Subtracted, then divided by, in that range; always in the order red, green, blue.
    layout : {"auto", "NCHW", "NHWC"}
        Order of the input's dimensions; ``"auto"``: where the model has its 3 channels.
    output : str
        Name of the output; empty: the only one of shape (batch, features).
    source, licence : str
        What a publication names, and the terms of use; free text.
    """

    input_size: int | None = choice(
        None, neutral=None, title="Input size", flag="--input-size", least=8, most=4096, unit=" px",
        must="a whole number of pixels from 8 to 4096",
        tip="Side of the square input in pixels; by default the size that the model names",
    )  # fmt: skip
    resize: str = choice(
        "stretch", neutral="stretch", title="Resizing",
        values={"stretch": "Stretch to the square", "crop": "Resize the shorter side, cut out the middle"},
        tip="How images that are not square become square",
    )  # fmt: skip
    crop_fraction: float = choice(
        1.0, neutral=1.0, title="Crop fraction", above=0, most=1, step=0.005,
        must="a fraction above 0 and at most 1, such as 0.875",
        tip="Fraction of the shorter side that is kept when the middle is cut out, such as crop_pct of timm",
    )  # fmt: skip
    interpolation: str = choice(
        "bilinear", neutral="bilinear", title="Interpolation", values={"bilinear": "Bilinear", "bicubic": "Bicubic"},
        tip="Interpolation used when images are resized",
    )  # fmt: skip
    channels: str = choice(
        "RGB", neutral="RGB", title="Channel order", values={"RGB": "Red, green, blue", "BGR": "Blue, green, red"},
        tip="Order of the colour channels in the input",
    )  # fmt: skip
    scale: str = choice(
        "0-1", neutral="0-1", title="Pixel range", values={"0-1": "0 to 1", "0-255": "0 to 255"},
        tip="Range of the pixel values before mean and standard deviation are applied",
    )  # fmt: skip
    mean: tuple[float, float, float] = choice(
        IMAGENET_MEAN, neutral=IMAGENET_MEAN, title="Mean",
        tip="Mean of red, green and blue that is subtracted, in the pixel range",
    )  # fmt: skip
    std: tuple[float, float, float] = choice(
        IMAGENET_STD, neutral=IMAGENET_STD, title="Standard deviation",
        tip="Standard deviation of red, green and blue that is divided by, in the pixel range",
    )  # fmt: skip
    layout: str = choice(
        "auto", neutral="auto", title="Layout",
        values={"auto": "As the model names it", "NCHW": "Channels first (NCHW)", "NHWC": "Channels last (NHWC)"},
        tip="Order of the input's dimensions; determined from the model if it names its 3 channels",
    )  # fmt: skip
    output: str = choice(
        "", neutral="", title="Output",
        tip="Name of the output that contains the features, one vector per image; required if there are several",
    )  # fmt: skip
    source: str = choice(
        "", neutral="", title="Source", tip="What a publication names: paper, DOI or address of the model",
    )  # fmt: skip
    licence: str = choice("", neutral="", title="Licence", tip="Terms of use of the model")

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            value = getattr(self, name)
            if len(value) != 3 or not all(math.isfinite(number) for number in value):
                raise SettingsError(f"{name} must be {_TRIPLE}; found {', '.join(f'{each:g}' for each in value)}.")
        if min(abs(number) for number in self.std) < 1e-9:
            raise SettingsError(
                f"std must not contain 0, since pixels are divided by it; found {', '.join(map(str, self.std))}."
            )
        super().__post_init__()

    @property
    def in_words(self) -> str:
        """How images are prepared, in one line, as manifests and reports state it."""
        crop = (
            "stretched" if self.resize == "stretch" else f"cut from the middle (crop fraction {self.crop_fraction:g})"
        )
        size = f"{self.input_size} × {self.input_size} pixels" if self.input_size else "pixels as the model names them"
        numbers = [", ".join(f"{each:g}" for each in triple) for triple in (self.mean, self.std)]
        return (
            f"{size}, {crop}, {self.interpolation}; {self.channels} from {self.scale.replace('-', ' to ')}, "
            f"mean {numbers[0]}, standard deviation {numbers[1]}{f'; output {self.output}' if self.output else ''}"
        )
