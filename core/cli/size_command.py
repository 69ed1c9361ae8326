"""The command `coreset size`, which reports how many images are needed."""

import argparse
import math
from pathlib import Path

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.cli.choices import study_of
from coreset_studio.core.cli.terminal import TerminalProgress, say, table
from coreset_studio.core.errors import ExportError, SettingsError
from coreset_studio.core.files import reason_of
from coreset_studio.core.output.tables import csv_bytes, csv_of
from coreset_studio.core.pipeline.size_check import check_size
from coreset_studio.core.pipeline.sizes import find_sizes
from coreset_studio.core.results import Note
from coreset_studio.core.results.sizes import SizePoint, Sizes
from coreset_studio.core.size_answer import answer_of, points
from coreset_studio.core.training.architectures import NETWORKS

HEADS = ("sampler", "row", "images", "accuracy", "accuracy_low", "accuracy_high", "loss", "loss_low", "loss_high")
MOST_MARGIN = 0.5
MOST_POINTS = 50.0


def size(options: argparse.Namespace) -> int:
    """Tell how many images are needed; exit code 1 if a check does not confirm them."""
    margin, note = read_margin(options.margin)
    out: Path | None = options.out
    if out is not None and out.exists() and not options.overwrite:
        raise ExportError(f"{out} already exists. Name another file, or add --overwrite.")
    study = study_of(options)
    name = options.network or study.settings.comparison.networks[0]
    if name not in NETWORKS:
        raise SettingsError(NETWORKS.unknown(name))
    if note:
        say(f"note: {note}")
    shown = TerminalProgress(on_part=_print_note)
    shown.listen_for_interrupt()
    found = find_sizes(study, network=name, trains_network=options.train_curves, progress=shown)
    print(_table(found))
    for one in found.notes:
        say(f"note: {one}")
    if out is not None:
        _write(found, out)
        say(f"written: {out}")
    answer = answer_of(found, margin)
    if answer.is_refused:
        raise SettingsError(answer.sentence)
    say(answer.sentence)
    say(f"The smallest margin that these images can show is {points(answer.smallest_margin)}.")
    if answer.labels is not None and answer.labels > found.n_available:
        say(f"note: This dataset sets {found.n_available:,} images aside for validation and test.")
    if not options.check or answer.images is None:
        return 0
    check = check_size(study, name, answer.images, margin, progress=shown)
    say(check.sentence)
    return 0 if check.is_within else 1


def _print_note(result: object) -> None:
    if isinstance(result, Note):
        say(f"note: {result.sentence}", flush=True)


def read_margin(text: str) -> tuple[float, str]:
    """Return a margin as a share, and a note on how it was read; empty if there is only one way to read it.

    Raises
    ------
    SettingsError
        If it is not a valid margin.
    """
    plain = text.strip().removesuffix("%").strip()
    is_percentage = text.strip().endswith("%")
    try:
        value = float(plain.replace(",", ".") if plain.count(",") == 1 else plain)
    except ValueError:
        value = math.nan
    limit = MOST_POINTS if is_percentage or value >= 1 else MOST_MARGIN
    if not 0 < value < limit:
        raise SettingsError(
            f"--margin is {text!r}; expected the accuracy that may be lost, as a share above 0 and below "
            f"{MOST_MARGIN:g}, such as 0.02 for 2 points."
        )
    if is_percentage:
        return value / 100, ""
    if value >= 1:
        share = value / 100
        return share, f"--margin {plain} was read as {points(share)}; a share, such as {share:g}, is unambiguous."
    return value, ""


def _table(sizes: Sizes) -> str:
    """Return sizes, accuracies and losses side by side, everything last."""
    names = sizes.chosen.sampler, sizes.random.sampler
    heads = ["images", names[0], "95 % interval", names[1], "95 % interval", "loss, points", "90 % interval"]
    rows = [
        [
            f"{one.n_images:,}",
            *_accuracy(one),
            *_accuracy(other),
            _points(one.loss),
            _range(one.loss_low, one.loss_high),
        ]
        for one, other in zip(sizes.chosen.points, sizes.random.points, strict=True)
    ]
    whole = sizes.everything
    rows.append([f"{whole.n_images:,}", *_accuracy(whole), *_accuracy(whole), _points(0.0), "whole pool"])
    return table(heads, rows, {0, 1, 3, 5})


def _accuracy(point: SizePoint) -> list[str]:
    return [f"{point.accuracy:.3f}", f"{point.low:.3f} to {point.high:.3f}"]


def _points(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")


def _range(low: float, high: float) -> str:
    return f"{_points(low)} to {_points(high)}"


def _write(sizes: Sizes, file: Path) -> None:
    """Write measured sizes and fitted curves as a CSV; the loss of measured sizes is that within folds."""
    rows: list[tuple[str | int | float, ...]] = []
    for curve in (sizes.chosen, sizes.random):
        rows += [_measured(curve.sampler, point) for point in curve.points]
        ends = zip(curve.sizes, curve.loss, curve.low, curve.high, strict=True)
        nan = math.nan
        rows += [
            (curve.sampler, "fitted", n, curve.accuracy_at(n), nan, nan, loss, low, high) for n, loss, low, high in ends
        ]
    rows.append(_measured("everything", sizes.everything))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, csv_bytes(csv_of(HEADS, rows)))
    except OSError as error:
        raise ExportError(f"{file} cannot be written ({reason_of(error)}).") from error


def _measured(sampler: str, point: SizePoint) -> tuple[str | int | float, ...]:
    accuracy = (point.accuracy, point.low, point.high)
    return (sampler, "measured", point.n_images, *accuracy, point.loss, point.loss_low, point.loss_high)
