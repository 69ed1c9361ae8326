"""Stain jitter: histology images as another laboratory might have stained them, by optical density.

Each image is separated into haematoxylin, eosin and DAB, and the amount of each is changed at random, as Tellez et al.
have it (IEEE Transactions on Medical Imaging 37, 2018; Medical Image Analysis 58, 2019).
"""

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results import FloatArray

# Optical densities of red, green and blue, of haematoxylin, eosin and DAB: Ruifrok and Johnston, Quantification of
# histochemical staining by color deconvolution, Analytical and Quantitative Cytology and Histology 23 (2001).
STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
# White, 255, has none; 1 is added so that black has a finite one.
_DENSITY: FloatArray = -np.log10((np.arange(256) + 1) / 256).astype(np.float32)
_LOG_10 = np.float32(np.log(10))


def jitter_stains(images: NDArray[np.uint8], amount: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return images with the amount of each stain changed, for each image in another way.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, 3), uint8
        RGB; they stay as they are.
    amount : float
        0 <= amount < 1. A stain's amount s becomes α s + β with α from [1 − amount, 1 + amount] and β, in optical
        density, from [−amount, amount], both uniform.
    rng : numpy.random.Generator

    Notes
    -----
    Everything is computed element by element, so that it does not depend on the number of threads.
    """
    drawn = rng.uniform(-amount, amount, (len(images), 2, len(STAINS)))
    # From densities to stains, changed, and back, in one: d → d M⁻¹ diag(α) M + β M.
    turned = np.einsum("ij,nj,jk->nik", np.linalg.inv(STAINS), 1 + drawn[:, 0], STAINS).astype(np.float32)
    added = (drawn[:, 1] @ STAINS).astype(np.float32)
    changed = np.empty_like(images)
    for number, image in enumerate(images):
        densities = _DENSITY[image]
        for channel in range(3):
            density = added[number, channel] + sum(
                densities[..., other] * turned[number, other, channel] for other in range(3)
            )
            changed[number, ..., channel] = np.clip(np.rint(256 * np.exp(-_LOG_10 * density) - 1), 0, 255)
    return changed
