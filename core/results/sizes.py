"""How accuracy depends on the number of images that are trained on, and whether a size holds when it is trained."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SizePoint:
    """Accuracy of coresets of one size, measured on images that they were not selected from.

    Attributes
    ----------
    n_images : int
        Number of images of the coreset of each fold.
    accuracy, low, high : float
        Accuracy on the held-out images, 0 to 1, and its 95 % interval.
    loss, loss_low, loss_high : float
        Accuracy of the whole pool minus that of the coreset on the same images, and its 90 % interval.
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
        Smallest first, without the whole pool.
    asymptote, scale, exponent : float
    sizes : tuple of int
        Numbers of images, ascending; the last one is the whole pool.
    loss, low, high : tuple of float
        Fitted loss of accuracy at each of `sizes` compared with the whole pool, as a share, and its 90 % interval.
    variance : tuple of float
        Variance of the paired difference of one image at each of `sizes`; for grouped images it includes the design
        effect.
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
        """Return the fitted accuracy at `n_images` >= 1."""
        return float(self.asymptote - self.scale * n_images**-self.exponent)


@dataclass(frozen=True)
class Sizes:
    """Learning curves of a sampler and of stratified random, measured on the same images.

    Attributes
    ----------
    chosen, random : SizeCurve
        Curves of the sampler of the settings, and of stratified random, with the same `sizes`.
    everything : SizePoint
        Accuracy of all training images of a fold; its loss is 0.
    n_pool : int
        Number of images of the pool, each of which was held out once.
    n_folds : int
    n_available : int
        Number of validation and test images of the dataset.
    network : str
        What `seconds` are estimated for, as in a sentence: ``"custom network"``.
    seconds : tuple of float
        Estimated seconds of one training, for each of the sizes of the curves.
    notes : tuple of str
        Sentences for the user.
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
    """Number of images that are needed for a margin.

    Attributes
    ----------
    margin : float
        Acceptable loss of accuracy, as a share.
    smallest_margin : float
        Smallest margin that can be shown with the images of the pool.
    images, random_images : int or None
        Size of the coreset, and of a stratified random one; None if no size was shown to stay within the margin.
    labels : int or None
        Number of otherwise unused labelled images that a check of `images` requires.
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
    """Difference in accuracy of two classifiers on the same images.

    Attributes
    ----------
    loss, low, high : float
        Loss of accuracy as a share, and its 90 % interval.
    variance : float
        Variance of the paired difference of one image, with the design effect of groups.
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
    """Result of checking a size by training a network once.

    Attributes
    ----------
    n_images : int
        Size of the coreset.
    loss : PairedLoss
        Loss on the test images compared with the network that was trained on the whole pool.
    accuracy, everything : float
        Test accuracy of the network trained on the coreset, and on the whole pool.
    is_within : bool
        Whether the loss was shown to be inside the margin.
    sentence : str
        The result for the user.
    """

    n_images: int
    loss: PairedLoss
    accuracy: float
    everything: float
    is_within: bool
    sentence: str
