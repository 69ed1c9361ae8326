"""Tables of the quality benchmark, written from its CSV: gains over stratified random, paired by split."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

METRICS = ("accuracy", "balanced", "worst_subtype")
Row = Mapping[str, str]
# By split and judge: the mean over draws.
Values = dict[tuple[str, str], float]
Variant = tuple[str, str, str, str, str]


class Table:
    """Rows of the CSV, by variant (sampler, budgets, chosen by, β, μ) and fraction."""

    def __init__(self, file: Path) -> None:
        with file.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        self._values: dict[tuple[Variant, float, str], Values] = {}
        draws: dict[tuple[Variant, float, str], dict[tuple[str, str], list[float]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.counts: dict[float, set[int]] = defaultdict(set)
        for row in rows:
            fraction = float(row["fraction"])
            self.counts[fraction].add(int(row["n_images"]))
            for metric in METRICS:
                draws[variant_of(row), fraction, metric][row["split"], row["judge"]].append(float(row[metric]))
        for key, by_place in draws.items():
            self._values[key] = {place: float(np.mean(values)) for place, values in by_place.items()}
        self.variants = sorted({variant for variant, _, _ in self._values})
        self.fractions = sorted({fraction for _, fraction, _ in self._values if fraction < 1})
        self.judges = sorted({row["judge"] for row in rows})
        self.splits = sorted({row["split"] for row in rows}, key=int)

    def values(self, variant: Variant, fraction: float, metric: str) -> Values:
        """Return what one variant reached, by split and judge."""
        return self._values.get((variant, fraction, metric), {})

    def gain(
        self,
        variant: Variant,
        fraction: float,
        metric: str,
        *,
        over: Variant,
        over_fraction: float | None = None,
        judges: Iterable[str] | None = None,
    ) -> tuple[float, float, int]:
        """Return the mean gain in points over another variant, its standard error over splits, and their number.

        Only splits in which both have every judge count; a split's gain is the mean over judges.
        """
        judges = tuple(judges) if judges is not None else tuple(self.judges)
        own = self.values(variant, fraction, metric)
        other = self.values(over, fraction if over_fraction is None else over_fraction, metric)
        gains = [
            100 * np.mean([own[split, judge] - other[split, judge] for judge in judges])
            for split in self.splits
            if all((split, judge) in own and (split, judge) in other for judge in judges)
        ]
        if not gains:
            return float("nan"), float("nan"), 0
        error = float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("nan")
        return float(np.mean(gains)), error, len(gains)

    def mean_difference(
        self, variant: Variant, metric: str, *, over: Variant, judges: Iterable[str]
    ) -> tuple[float, float]:
        """Return the mean over fractions and judges of the paired difference in points, and its error over splits."""
        judges = tuple(judges)
        by_split: dict[str, list[float]] = defaultdict(list)
        for fraction in self.fractions:
            own, other = self.values(variant, fraction, metric), self.values(over, fraction, metric)
            for split in self.splits:
                for judge in judges:
                    if (split, judge) in own and (split, judge) in other:
                        by_split[split].append(100 * (own[split, judge] - other[split, judge]))
        whole = len(self.fractions) * len(judges)
        means = [float(np.mean(values)) for values in by_split.values() if len(values) == whole]
        if not means:
            return float("nan"), float("nan")
        error = float(np.std(means, ddof=1) / np.sqrt(len(means))) if len(means) > 1 else float("nan")
        return float(np.mean(means)), error

    def mean(self, variant: Variant, fraction: float, metric: str, judge: str) -> float:
        """Return the mean over splits under one judge."""
        found = [value for (_, name), value in self.values(variant, fraction, metric).items() if name == judge]
        return float(np.mean(found)) if found else float("nan")


def variant_of(row: Row) -> Variant:
    return (row["sampler"], row["budgets"], row["chosen_by"], row["beta"], row["mu"])


STRATIFIED: Variant = ("stratified", "proportional", "", "0.0", "0.0")
EVERYTHING: Variant = ("everything", "", "", "0.0", "0.0")
VGG16 = "vgg16"
BOTH = "colour-texture+vgg16"
THREE = "colour-texture+vgg16+vgg16-avg"
IN_DETAIL = ("balanced-herding", "even-herding", "herding")


def _herding(sampler: str, chosen_by: str) -> Variant:
    return (sampler, "difficulty", chosen_by, "0.25", "0.25" if sampler == "balanced-herding" else "0.0")


# What a recommendation rests on: the first against the second.
PAIRS = (
    (_herding("even-herding", THREE), _herding("balanced-herding", BOTH)),
    (_herding("even-herding", THREE), _herding("balanced-herding", THREE)),
    (_herding("even-herding", THREE), _herding("herding", THREE)),
    (_herding("even-herding", THREE), _herding("even-herding", BOTH)),
    (_herding("even-herding", BOTH), _herding("balanced-herding", BOTH)),
    (_herding("balanced-herding", THREE), _herding("balanced-herding", BOTH)),
    (_herding("herding", THREE), _herding("herding", BOTH)),
    (_herding("facility-location", THREE), _herding("facility-location", BOTH)),
    (_herding("graph-coverage", THREE), _herding("graph-coverage", BOTH)),
    (_herding("matched", THREE), _herding("matched", BOTH)),
    (_herding("balanced-herding", VGG16), _herding("balanced-herding", BOTH)),
    (_herding("even-herding", "colour-texture"), _herding("balanced-herding", "colour-texture")),
    (_herding("even-herding", VGG16), _herding("balanced-herding", VGG16)),
)


def write_tables(file: Path) -> Path:
    """Write the Markdown beside the CSV and return its path."""
    table = Table(file)
    parts = [
        "# Quality of coresets\n",
        (
            f"Splits: {', '.join(table.splits)}. Judges: {', '.join(table.judges)}. Gains are in points over "
            "stratified random of the same fraction, mean of the judges, ± one standard error over splits; in a cell: "
            "accuracy · balanced accuracy · recall of the worst hidden sub-type.\n"
        ),
        _absolute(table),
        _gains(table),
        _by_judge(table),
        _prize(table),
        _paired(table),
    ]
    target = file.with_suffix(".md")
    target.write_text("\n".join(parts), encoding="utf-8")
    return target


def _grid(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _number(mean: float, error: float) -> str:
    if np.isnan(mean):
        return "–"
    return f"{mean:+.1f}" if np.isnan(error) else f"{mean:+.1f} ± {error:.1f}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:g} %"


def _absolute(table: Table) -> str:
    def cell(variant: Variant, fraction: float, judge: str) -> str:
        return " · ".join(f"{table.mean(variant, fraction, metric, judge):.3f}" for metric in METRICS)

    rows = [
        [_percent(fraction), *(cell(STRATIFIED, fraction, judge) for judge in table.judges)]
        for fraction in table.fractions
    ]
    rows.append(["all", *(cell(EVERYTHING, 1.0, judge) for judge in table.judges)])
    return "## Stratified random itself\n\n" + _grid(["kept", *table.judges], rows)


def _gains(table: Table) -> str:
    def row(variant: Variant) -> list[str]:
        sampler, budgets, chosen_by, beta, mu = variant
        rule = budgets if budgets == "proportional" else f"{budgets} (β {beta})"
        name = f"{sampler} (μ {mu})" if sampler == "balanced-herding" else sampler
        cells = []
        n_splits = 0
        for fraction in table.fractions:
            found = [table.gain(variant, fraction, metric, over=STRATIFIED) for metric in METRICS]
            n_splits = max(n_splits, *(n for _, _, n in found))
            cells.append(" · ".join(_number(mean, error) for mean, error, _ in found))
        return [name, rule, chosen_by or "–", str(n_splits), *cells]

    order: Callable[[Variant], tuple[float, Variant]] = lambda variant: (-_mean_gain(table, variant), variant)  # noqa: E731
    shown = [variant for variant in table.variants if variant not in (STRATIFIED, EVERYTHING)]
    header = ["sampler", "budgets", "chosen by", "splits", *(_percent(fraction) for fraction in table.fractions)]
    return "## Gain over stratified random\n\n" + _grid(header, (row(variant) for variant in sorted(shown, key=order)))


def _mean_gain(table: Table, variant: Variant) -> float:
    gains = [table.gain(variant, fraction, "accuracy", over=STRATIFIED)[0] for fraction in table.fractions]
    known = [gain for gain in gains if not np.isnan(gain)]
    return float(np.mean(known)) if known else -np.inf


def _by_judge(table: Table) -> str:
    in_detail = (*IN_DETAIL, "facility-location")
    shown = [v for chosen_by in (BOTH, THREE, VGG16) for v in table.variants if v[2] == chosen_by and v[0] in in_detail]
    rows = []
    for variant in shown:
        for judge in table.judges:
            cells = [
                " · ".join(
                    _number(*table.gain(variant, fraction, metric, over=STRATIFIED, judges=[judge])[:2])
                    for metric in METRICS
                )
                for fraction in table.fractions
            ]
            rows.append([variant[2], f"{variant[0]}, {variant[1]}", judge, *cells])
    header = ["chosen by", "sampler, budgets", "judge", *(_percent(fraction) for fraction in table.fractions)]
    return "## Under each judge\n\n" + _grid(header, rows)


def _prize(table: Table) -> str:
    """Half as many images chosen against random ones."""
    pairs = [(small, large) for small in table.fractions for large in table.fractions if np.isclose(2 * small, large)]
    shown = [v for chosen_by in (BOTH, THREE, VGG16) for v in table.variants if v[2] == chosen_by and v[0] in IN_DETAIL]
    rows = []
    for variant in shown:
        for small, large in pairs:
            cells = [
                _number(
                    *table.gain(variant, small, "accuracy", over=STRATIFIED, over_fraction=large, judges=[judge])[:2]
                )
                for judge in table.judges
            ]
            name = f"{variant[0]}, {variant[1]}"
            rows.append([variant[2], name, f"{_percent(small)} − {_percent(large)}", *cells])
    header = ["chosen by", "sampler, budgets", "chosen − random", *table.judges]
    return "## Half as many images, chosen, against random ones (accuracy)\n\n" + _grid(header, rows)


def _paired(table: Table) -> str:
    """One way of choosing against another, by judge and as their mean; the last column is the mean of the fractions."""
    rows = []
    for first, second in PAIRS:
        for judges in (*((judge,) for judge in table.judges), tuple(table.judges)):
            cells = [
                _number(*table.gain(first, fraction, "accuracy", over=second, judges=judges)[:2])
                for fraction in table.fractions
            ]
            overall = [_number(*table.mean_difference(first, metric, over=second, judges=judges)) for metric in METRICS]
            name = judges[0] if len(judges) == 1 else "mean"
            rows.append([f"{first[0]}, {first[2]}", f"{second[0]}, {second[2]}", name, *cells, " · ".join(overall)])
    header = ["this", "minus this", "judge", *(_percent(fraction) for fraction in table.fractions), "mean of fractions"]
    note = (
        "Budgets by difficulty; points of accuracy, paired by split; the last column: accuracy · balanced accuracy · "
        "recall of the worst hidden sub-type.\n\n"
    )
    return "## Paired differences\n\n" + note + _grid(header, rows)
