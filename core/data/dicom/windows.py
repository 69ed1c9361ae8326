"""Windows of DICOM: which values become black and white, by centre and width or by a table.

The functions are those of DICOM PS3.3, C.11.2.1.2 (window centre and width) and C.11.2.1.3 (VOI LUT function).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.data.dicom.parsing import Parsed, items_of, numbers_of, text_of
from coreset_studio.core.data.levels import Values
from coreset_studio.core.settings.levels import range_text

_MOST_TABLED = 1 << 17
_FUNCTIONS = {"LINEAR_EXACT": "exact", "SIGMOID": "sigmoid"}


@dataclass(frozen=True)
class Window:
    """A map from values to grey levels.

    Attributes
    ----------
    centre, width : float
        In the units of the values, such as Hounsfield units.
    function : {"linear", "exact", "sigmoid", "table"}
        ``"exact"``: from `centre` − `width` / 2 to `centre` + `width` / 2. ``"linear"``: half a step less at each end,
        as DICOM defines it for whole numbers.
    table : ndarray of uint8, or None
        Of ``"table"``: the grey levels of the values from `first` on.
    first : int
    n_others : int
        How many other windows the file offers.
    """

    centre: float = 0.0
    width: float = 1.0
    function: str = "linear"
    table: NDArray[np.uint8] | None = None
    first: int = 0
    n_others: int = 0

    @property
    def words(self) -> str:
        """The window in its text form, such as ``"40:400"`` or ``"sigmoid 40:400"``; ``"table"`` for a table."""
        if self.function == "table":
            return "table"
        text = range_text(self.centre, self.width)
        return f"sigmoid {text}" if self.function == "sigmoid" else text

    def applied(self, values: Values) -> NDArray[np.uint8]:
        """Return grey levels for finite values, of the same shape."""
        if self.table is not None:
            places = np.clip(np.rint(values).astype(np.int64) - self.first, 0, len(self.table) - 1)
            return self.table[places]
        if np.issubdtype(values.dtype, np.integer):
            low, high = int(values.min()), int(values.max())
            if high - low < min(_MOST_TABLED, values.size):
                levels = self._levels(np.arange(low, high + 1, dtype=np.float64))
                is_wide = values.dtype.itemsize > 4 or values.dtype == np.uint32
                looked_up: NDArray[np.uint8] = levels[values.astype(np.int64 if is_wide else np.int32) - low]
                return looked_up
        return self._levels(values.astype(np.float64))

    def _levels(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        if self.function == "sigmoid":
            scaled = 1 / (1 + np.exp(np.clip(-4 * (values - self.centre) / self.width, -50, 50)))
        elif self.function == "exact":
            scaled = (values - self.centre) / self.width + 0.5
        elif self.width == 1:
            scaled = (values > self.centre - 0.5).astype(np.float64)
        else:
            scaled = (values - (self.centre - 0.5)) / (self.width - 1) + 0.5
        levels: NDArray[np.uint8] = np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
        return levels


def window_of(parsed: Parsed, frame: int) -> Window | None:
    """Return the first valid window of a frame: a table before centre and width; None where it has none."""
    for group in parsed.groups(frame):
        tables = items_of(group, "VOILUTSequence")
        table = _table_window(parsed, tables)
        centres, widths = numbers_of(group, "WindowCenter"), numbers_of(group, "WindowWidth")
        function = _FUNCTIONS.get(text_of(group, "VOILUTFunction").upper(), "linear")
        least = 1.0 if function == "linear" else 0.0
        good = [
            Window(centre, width, function)
            for centre, width in zip(centres, widths, strict=False)
            if width >= least and width > 0
        ]
        n = len(tables) + len(good)
        first = table or (good[0] if good else None)
        if first is not None:
            return Window(first.centre, first.width, first.function, first.table, first.first, n - 1)
    return None


def _table_window(parsed: Parsed, tables: list[object]) -> Window | None:
    """Return the first table as a window, its entries scaled to 0 to 255."""
    from pydicom.dataset import Dataset

    if not tables or not isinstance(tables[0], Dataset):
        return None
    found = lookup_table(tables[0])
    if found is None:
        return None
    entries, first, bits = found
    if parsed.integer("PixelRepresentation") == 1 and first >= 1 << 15:
        first -= 1 << 16
    levels = np.rint(entries.astype(np.float64) * (255 / (2**bits - 1)))
    return Window(function="table", table=np.clip(levels, 0, 255).astype(np.uint8), first=first)


def lookup_table(item: object) -> tuple[NDArray[np.uint16], int, int] | None:
    """Return the entries of a lookup table, the first value that it maps, and the bits of an entry.

    None where it is not valid.
    """
    from pydicom.dataset import Dataset

    if not isinstance(item, Dataset):
        return None
    descriptor = [int(each) for each in numbers_of(item, "LUTDescriptor")]
    if len(descriptor) != 3:
        return None
    n = descriptor[0] & 0xFFFF or 1 << 16
    try:
        data = item.get("LUTData")
        if isinstance(data, bytes):
            entries = np.frombuffer(data[: len(data) // 2 * 2], "<u2")
        else:
            entries = np.array([int(each) & 0xFFFF for each in data], np.uint16)
    except (TypeError, ValueError):
        return None
    bits = descriptor[2]
    if not 1 <= bits <= 16 or len(entries) < n:
        return None
    return entries[:n].astype(np.uint16), descriptor[1], bits
