"""What a metric is: the facts that tables, figures, sentences and columns are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from core.descriptions import Description

if TYPE_CHECKING:
    from core.training.evidence import Evidence, Values

Need = Literal["clusters", "probabilities"]
LISTS: Mapping[str, str] = {
    "differences": "the paired differences of a comparison",
    "table-1": "the report's table after the paper's Table 1",
    "intervals": "the report's rows of a comparison, with intervals",
    "means": "the report's rows of a comparison, without intervals",
    "verdicts": "the report's paired differences",
    "sizes": "a figure of its own in the report, against the share of the pool kept",
    "bars": "the bars after the paper's Figs. 10 and 11",
    "terminal": "what the command line prints of a training and of a comparison",
}


@dataclass(frozen=True, kw_only=True)
class Metric(Description):
    """How good predictions are, as one number.

    Its code is a function that takes `core.training.evidence.Evidence` and returns an ndarray of shape (n_resamples,):
    the value under every resample of the test images, NaN where it does not exist. The evaluation of a run is the one
    resample that holds each image once.

    Attributes
    ----------
    short : str
        Head of a narrow column, such as ``"Balanced"``; its title where this is empty.
    words : str
        In a sentence, such as ``"recall of the worst class"``; its title where this is empty.
    least, most : float
        Ends of its range; they may be infinite.
    unit : str
        Behind a value; empty for a plain number.
    in_points : bool
        Whether a difference is told in points, of which 100 make 1. A share is.
    higher_is_better : bool
    needs : frozenset of {"clusters", "probabilities"}
        Where a run has none of these the value is NaN and the code is not called.
    column : int
        Its place among the columns of the window's table, which has all metrics.
    shown : mapping of str to int
        Where else it is shown (a key of `LISTS`), and its place there. The tables in CSV have all metrics.

    Raises
    ------
    ValueError
        If `shown` names a list that is not in `LISTS`.
    """

    short: str = ""
    words: str = ""
    least: float = 0.0
    most: float = 1.0
    unit: str = ""
    in_points: bool = True
    higher_is_better: bool = True
    needs: frozenset[Need] = frozenset()
    column: int = 1000
    shown: Mapping[str, int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.settings is not None:
            raise ValueError(f"the metric {self.name} has settings, which metrics are not given")
        unknown = sorted(set(self.shown) - set(LISTS))
        if unknown:
            raise ValueError(
                f"the metric {self.name} cannot be shown in {unknown[0]!r}; it is one of {', '.join(LISTS)}"
            )

    @property
    def head(self) -> str:
        """Head of a narrow column."""
        return self.short or self.title

    @property
    def in_words(self) -> str:
        """In a sentence."""
        return self.words or self.label

    @property
    def label(self) -> str:
        """At an axis: the title as inside a sentence, ``"worst-class recall"``."""
        return self.title_inside

    @property
    def compared(self) -> bool:
        """Whether the rows of a comparison are compared pairwise by it."""
        return "differences" in self.shown

    def values(self, evidence: "Evidence") -> "Values":
        """Return its value under every resample, shape (n_resamples,), float64.

        Raises
        ------
        Exception
            Whatever the code of a plugin raises.
        ValueError
            If it gives something of another shape.
        """
        return evidence.measured_by(self.code, self.needs)
