"""Types of arrays, and the names of the sets of a split."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
SplitName = Literal["train", "validation", "test"]
