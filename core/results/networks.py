"""Results of a trained network: maps of what it looks at, predictions, and classes matched to those of a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coreset_studio.core.results.arrays import FloatArray
from coreset_studio.core.results.dataset import Skipped


@dataclass(frozen=True)
class ExplainedImage:
    """Grad-CAM maps of a network for one image of a dataset.

    Attributes
    ----------
    path : str
    predicted : str
        The class with the highest probability; empty if there is no map.
    probabilities : mapping of str to float
        By class, in the order of the outputs of the network.
    maps : mapping of str to ndarray of shape (h, w), float32
        By class: of the predicted class, and of that of the label where the network has it. >= 0.
    problem : str
        Reason why there is no map, as a sentence; else empty.
    """

    path: str
    predicted: str
    probabilities: Mapping[str, float]
    maps: Mapping[str, FloatArray]
    problem: str = ""


@dataclass(frozen=True)
class PredictionFile:
    """Predictions for the images of a folder, written to a CSV.

    Attributes
    ----------
    file : Path
    n_images : int
        Number of images that were predicted.
    skipped : tuple of Skipped
        Files that are not images and folders that cannot be opened (with a slash at the end), with the reason; sorted.
    notes : tuple of str
        What was assumed about how the images are read.
    """

    file: Path
    n_images: int
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MatchedClasses:
    """The classes of a dataset, matched by name to those of a network.

    Attributes
    ----------
    theirs : mapping of str to int
        Number of images by class of the dataset.
    ours : tuple of str
        Classes of the network.
    matched : mapping of str to str
        Class of the network by class of the dataset; empty where no class has the name of another.
    is_certain : bool
        Whether all classes have the same names in both, so that the user need not match them.
    """

    theirs: Mapping[str, int]
    ours: tuple[str, ...]
    matched: Mapping[str, str]
    is_certain: bool
