"""The tabs of the Compare page on single classes: their measures, ROC curves, and how reliable confidence is."""

from collections.abc import Sequence

from coreset_studio.core.results import ROC_RATES, Row, RunResult
from coreset_studio.desktop_app.widgets.class_table import ClassRow, ClassTable
from coreset_studio.desktop_app.widgets.unit_curves import Curve, UnitCurves

AFTER_ALL = "Shown when all trainings are finished"
NOT_STORED = "Not known: the probabilities of all classes were not stored with these runs"
INTERVALS = "each class against all others; 95 % intervals of the test images (shares: Wilson, AUC: Newcombe)"


class ClassPlots:
    """Table and curves of the chosen row.

    Attributes
    ----------
    table : ClassTable
    roc, reliability : UnitCurves
    """

    def __init__(self) -> None:
        self.table = ClassTable()
        self.roc = UnitCurves("ROC curves", "1 − specificity", "sensitivity")
        self.reliability = UnitCurves("Reliability", "confidence", "accuracy", has_dots=True)

    def show(self, row: Row | None, runs: Sequence[RunResult]) -> None:
        """Show another row of the comparison with its runs; None shows nothing."""
        if row is None or not runs:
            self.table.show_rows([])
            self._say("No results yet")
            return
        known = bool(row.class_measures)
        classes = runs[0].classes
        tested = {name: sum({run.key.split: run.metrics.support[name] for run in runs}.values()) for name in classes}
        self.table.set_note("No results yet" if known else AFTER_ALL)
        self.table.show_rows([ClassRow(name, tested[name], row) for name in classes] if known else [])
        if row.curves is None:
            self._say(NOT_STORED if known else AFTER_ALL)
            return
        rates = ROC_RATES.tolist()
        curves = [
            Curve(name, rates, curve.tolist())
            for name, curve in zip(classes, row.curves.roc, strict=True)
            if not (curve != curve).any()
        ]
        mean = [Curve("mean of the classes", rates, row.curves.macro.tolist(), is_main=True)] if curves else []
        self.roc.set_curves([*curves, *mean], "No ROC curve: test images of at least two classes are needed")
        confidence, accuracy, _ = row.curves.bins()
        self.reliability.set_curves(
            [Curve("accuracy", confidence.tolist(), accuracy.tolist(), True)] if len(confidence) else [],
            "Not known: the probabilities are not numbers",
        )

    def _say(self, note: str) -> None:
        for plot in (self.roc, self.reliability):
            plot.set_curves([], note)
