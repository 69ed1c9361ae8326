"""Points that all look alike, drawn without asking for the look of each."""

from typing import Any

import pyqtgraph as pg


class LikePoints(pg.ScatterPlotItem):
    """A scatter item of one symbol, size, pen and brush.

    pyqtgraph looks up the symbol of every point by its style, in Python: 2 ms a thousand points. Here all points of an
    item share one, so it is looked up once; the rest is left to pyqtgraph.
    """

    def updateSpots(self, dataSet: Any = None) -> None:  # noqa: N802, N803
        """Give new points their place in the atlas of symbols."""
        data = self.data if dataSet is None else dataSet
        new = data["sourceRect"]["w"] == 0
        if new.any():
            style = tuple(self.opts[name] for name in ("symbol", "size", "pen", "brush"))
            data["sourceRect"][new] = self.fragmentAtlas[[style]][0]
            self.invalidate()
        super().updateSpots(dataSet)
