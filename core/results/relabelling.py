"""The effect of corrected classes on a comparison."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RelabelledRow:
    """Test accuracy of one row of a comparison with the corrected labels and with those of the dataset.

    Attributes
    ----------
    network, sampler : str
    fraction : float
    accuracy : float
        With the corrected labels: the accuracy of `Row.means`.
    original_accuracy : float
        Of the same predictions with the labels of the dataset. An image whose class in the dataset no training image
        has any more counts as wrong, since the network does not know that class.
    n_images : int
        Relabelled test images, of several splits those of all together.
    """

    network: str
    sampler: str
    fraction: float
    accuracy: float
    original_accuracy: float
    n_images: int


@dataclass(frozen=True)
class Relabelled:
    """How many of the images of a comparison were relabelled, and the test accuracy without that.

    Attributes
    ----------
    n_pool, n_validation : int
        Relabelled images of the pool and of the validation images of the first split.
    n_test : int
        Relabelled images among those that any run was tested on.
    n_tested : int
        Images that any run was tested on.
    rows : tuple of RelabelledRow
        One for each row of the comparison; empty if no test image was relabelled.
    """

    n_pool: int
    n_validation: int
    n_test: int
    n_tested: int
    rows: tuple[RelabelledRow, ...] = ()

    def row(self, network: str, sampler: str, fraction: float) -> RelabelledRow | None:
        """Return the row of a network, sampler and fraction, or None."""
        key = (network, sampler, fraction)
        return next((row for row in self.rows if (row.network, row.sampler, row.fraction) == key), None)
