"""Kinds of arrays, and what a side of a split is called."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
SplitName = Literal["train", "validation", "test"]
