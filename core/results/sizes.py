"""How accuracy depends on the number of images that are trained on, and whether a size holds when it is trained."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SizePoint:
    """What coresets of one size reached, measured on images that they were not selected from.

    Attributes
    ----------
    n_images : int
        Size of the coreset of each fold.
    accuracy, low, high : float
        Accuracy on the held-out images and its 95 % interval.
    loss, loss_low, loss_high : float
        Accuracy of everything minus that of the coreset on the same images, and its 90 % interval.
    """

    n_images: int
    accuracy: float
    low: float
    high: float
    loss: float
    loss_low: float
    loss_high: float


@dataclass(frozen=True)
class SizeCurve:
    """The learning curve of one sampler, fitted to `points`.

    The accuracy at m images is ``asymptote - scale * m ** -exponent``.

    Attributes
    ----------
    sampler : str
    points : tuple of SizePoint
        Smallest first, without everything.
    asymptote, scale, exponent : float
    sizes : tuple of int
        Ascending; the last one is the whole pool.
    loss, low, high : tuple of float
        For each of `sizes` the fitted loss against the whole pool, as a share, and its 90 % interval.
    variance : tuple of float
        For each of `sizes` the variance of the paired difference on one image; for grouped images it contains the
        design effect.
    """

    sampler: str
    points: tuple[SizePoint, ...]
    asymptote: float
    scale: float
    exponent: float
    sizes: tuple[int, ...]
    loss: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    variance: tuple[float, ...]

    def accuracy_at(self, n_images: int) -> float:
        """Return the fitted accuracy at a size, at least 1."""
        return float(self.asymptote - self.scale * n_images**-self.exponent)


@dataclass(frozen=True)
class Sizes:
    """Learning curves of a sampler and of stratified random, measured on the same images.

    Attributes
    ----------
    chosen, random : SizeCurve
        Of the sampler of the settings, and of stratified random. They have the same `sizes`.
    everything : SizePoint
        What all training images of a fold reached; its loss is 0.
    n_pool : int
        Images of the pool, each of which was held out once.
    n_folds : int
    n_available : int
        Validation and test images of the dataset.
    network : str
        What `seconds` are estimated for, as in a sentence: ``"custom network"``.
    seconds : tuple of float
        Estimated seconds of one training, for each of the sizes of the curves.
    notes : tuple of str
        What a user should read.
    """

    chosen: SizeCurve
    random: SizeCurve
    everything: SizePoint
    n_pool: int
    n_folds: int
    n_available: int
    network: str = ""
    seconds: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SizeAnswer:
    """How many images are needed for a margin.

    Attributes
    ----------
    margin : float
        Loss of accuracy, as a share, that is acceptable.
    smallest_margin : float
        The smallest margin that the images of the pool can show.
    images, random_images : int or None
        Size of the coreset, and of a stratified random one; None if no size was shown to stay within the margin.
    labels : int or None
        Labelled images, not used otherwise, that a check of `images` needs.
    sentence : str
    is_refused : bool
        Whether the margin is below `smallest_margin`.
    """

    margin: float
    smallest_margin: float
    images: int | None
    random_images: int | None
    labels: int | None
    sentence: str
    is_refused: bool = False


@dataclass(frozen=True)
class PairedLoss:
    """How much less accurate one classifier is than another on the same images.

    Attributes
    ----------
    loss, low, high : float
        As a share, and its 90 % interval.
    variance : float
        Of the paired difference on one image, with the design effect of groups.
    n_images, n_groups : int
    """

    loss: float
    low: float
    high: float
    variance: float
    n_images: int
    n_groups: int

    def is_within(self, margin: float) -> bool:
        """Return whether two one-sided tests at 5 % show that the loss is inside ±`margin`."""
        return -margin < self.low and self.high < margin


@dataclass(frozen=True)
class SizeCheck:
    """What training once at a size showed.

    Attributes
    ----------
    n_images : int
    loss : PairedLoss
        Against the network trained on everything, on the test images.
    accuracy, everything : float
        Test accuracy of both.
    is_within : bool
        Whether the loss was shown to be inside the margin.
    sentence : str
    """

    n_images: int
    loss: PairedLoss
    accuracy: float
    everything: float
    is_within: bool
    sentence: str
