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
        With the corrected labels: the accuracy in `Row.means`, 0 to 1.
    original_accuracy : float
        Accuracy of the same predictions with the labels of the dataset. An image of a class without training images
        after relabelling counts as wrong, since the network does not know that class.
    n_images : int
        Number of relabelled test images, over all splits.
    """

    network: str
    sampler: str
    fraction: float
    accuracy: float
    original_accuracy: float
    n_images: int


@dataclass(frozen=True)
class Relabelled:
    """Numbers of relabelled images of a comparison, and the test accuracy with the original labels.

    Attributes
    ----------
    n_pool, n_validation : int
        Number of relabelled images in the pool and among the validation images of the first split.
    n_test : int
        Number of relabelled images among the test images of all runs.
    n_tested : int
        Number of test images of all runs.
    rows : tuple of RelabelledRow
        One for each row of the comparison; empty if no test image was relabelled.
    """

    n_pool: int
    n_validation: int
    n_test: int
    n_tested: int
    rows: tuple[RelabelledRow, ...] = ()

    def row(self, network: str, sampler: str, fraction: float) -> RelabelledRow | None:
        """Return the row of a network, sampler and fraction; None if there is none."""
        key = (network, sampler, fraction)
        return next((row for row in self.rows if (row.network, row.sampler, row.fraction) == key), None)
