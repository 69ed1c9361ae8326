"""Description of a metric: the facts that tables, figures, sentences and columns are generated from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from coreset_studio.core.descriptions import Description
from coreset_studio.core.descriptions.description import resolve

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import ByClass, Evidence, Values

Need = Literal["clusters", "probabilities"]
LISTS: Mapping[str, str] = {
    "differences": "the paired differences of a comparison",
    "table-1": "the table of the report after Table 1 of the paper",
    "intervals": "the rows of a comparison in the report, with intervals",
    "means": "the rows of a comparison in the report, without intervals",
    "further": "the second table of rows in the report, with intervals",
    "verdicts": "the paired differences in the report",
    "sizes": "a separate figure in the report, against the share of the pool selected",
    "bars": "the bars after Figs. 10 and 11 of the paper",
    "terminal": "the results of trainings and comparisons on the command line",
}

NOT_KNOWN: Mapping[str, str] = {
    "probabilities": "the probabilities of all classes were not stored",
    "numbers": "the probabilities are not numbers",
    "clusters": "no cluster has at least 10 test images",
}
"""Reasons for missing values, by the input that a metric requires."""


@dataclass(frozen=True, kw_only=True)
class Metric(Description):
    """A measure of predictions, as one number.

    Its code is a function that takes `core.training.evidence.Evidence` and returns an ndarray of shape (n_resamples,):
    the value under every resample of the test images, NaN where it does not exist. The evaluation of a run is the one
    resample that holds each image once.

    Attributes
    ----------
    short : str
        Head of a narrow column, such as ``"Balanced"``; empty: the title.
    words : str
        Name in a sentence, such as ``"recall of the worst class"``; empty: the title.
    least, most : float
        Ends of its range; they may be infinite.
    unit : str
        Unit after a value; empty for a number without unit.
    in_points : bool
        Whether differences are reported in percentage points, as those of shares are.
    higher_is_better : bool
    needs : frozenset of {"clusters", "probabilities"}
        Inputs without which the value is NaN and the code is not called.
    column : int
        Position among the columns of the table in the window, which has all metrics.
    shown : mapping of str to int
        Other lists that contain it (keys of `LISTS`), and its position there. Tables in CSV have all metrics.
    on_request : bool
        Whether its column of the table in the window is hidden until the user shows it.
    undefined : str
        End of a sentence on why there is no value although all inputs are known.
    by_class : str
        ``"module:attribute"`` of code that takes `Evidence` and returns `core.training.evidence.ByClass`; empty for a
        metric without a value for each class.
    class_title, class_short : str
        Title of the value for each class, and head of its narrow column; empty: those of the metric.
    class_place : int
        Position among the values for each class.
    class_undefined : str
        As `undefined`, for the value of a class.
    class_interval : {"share", "area"}
        Interval of the value of a class: that of a share of images (Wilson), or of an area under a ROC curve
        (Newcombe).

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
    on_request: bool = False
    undefined: str = "there are too few test images"
    by_class: str = ""
    class_title: str = ""
    class_short: str = ""
    class_place: int = 1000
    class_undefined: str = "there are too few test images"
    class_interval: Literal["share", "area"] = "share"

    def __post_init__(self) -> None:
        if self.settings is not None:
            raise ValueError(f"the metric {self.name} has settings, which metrics cannot have")
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
        """Name in a sentence."""
        return self.words or self.label

    @property
    def label(self) -> str:
        """Label of an axis: the title as in a sentence, such as ``"worst-class recall"``."""
        return self.title_inside

    @property
    def class_head(self) -> str:
        """Head of the narrow column of its value for each class."""
        return self.class_short or self.class_title or self.head

    @property
    def class_key(self) -> str:
        """Name of the column of its value for each class in a CSV."""
        return "_".join((self.class_title or self.title).casefold().replace("-", " ").split())

    @property
    def compared(self) -> bool:
        """Whether the rows of a comparison are compared pairwise by it."""
        return "differences" in self.shown

    def values(self, evidence: "Evidence") -> "Values":
        """Return its value under every resample, shape (n_resamples,), float64.

        Raises
        ------
        Exception
            Any error of the code of a plugin.
        ValueError
            If it returns an array of another shape.
        """
        return evidence.measured_by(self.code, self.needs)

    def class_values(self, evidence: "Evidence") -> "ByClass | None":
        """Return its value for each class; None without one, and if a required input is unknown.

        Raises
        ------
        Exception
            Any error of the code of a plugin.
        ValueError
            If it returns an array of another shape.
        """
        if not self.by_class or evidence.lacks(self.needs):
            return None
        return evidence.measured_by_class(resolve(self.by_class))

    def why_unknown(self, evidence: "Evidence") -> str:
        """Return the reason why its value is NaN, as the end of a sentence."""
        lacking = evidence.lacks(self.needs)
        if not lacking and "probabilities" in self.needs and not evidence.has_numbers:
            lacking = "numbers"
        return NOT_KNOWN.get(lacking, self.undefined)
