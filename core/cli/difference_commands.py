"""The commands `coreset diff` and `coreset stability`, which compare coresets without training."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.cli.choices import study_of
from coreset_studio.core.cli.terminal import TerminalProgress, say, table
from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import reason_of
from coreset_studio.core.output.coreset_diff import compare_exports
from coreset_studio.core.output.tables import Cell, csv_bytes, csv_of
from coreset_studio.core.pipeline.stability import LEVELS, level_counts, measure_stability
from coreset_studio.core.words import percent

DIFF_HEADS = ("path", "class", "in")
STABILITY_HEADS = ("path", "class", "in_pool", "selected", "share")


def diff(options: argparse.Namespace) -> int:
    """Print which images two exports share, and write the list on request."""
    _check_free(options)
    found = compare_exports(options.a, options.b)
    rows = [[row.class_name, *(f"{n:,}" for n in (row.both, row.only_a, row.only_b))] for row in found.rows]
    say(found.sentence)
    print(table(["class", "both", "only A", "only B"], rows, {1, 2, 3}))
    for note in found.notes:
        say(f"note: {note}")
    _write(options.out, DIFF_HEADS, found.images)
    return 0


def stability(options: argparse.Namespace) -> int:
    """Print how stable a selection is, and write how often each image was selected."""
    _check_free(options)
    shown = TerminalProgress()
    shown.listen_for_interrupt()
    measured = measure_stability(study_of(options), options.splits, options.seeds, shown)
    found, images = measured.stability, measured.dataset.images
    shares = found.shares
    n_times = found.n_splits * found.n_seeds
    known = ~np.isnan(shares)
    of_any = int(np.count_nonzero(known & (shares > 0)))
    say(
        f"Selected {n_times:,} times ({found.n_splits:,} splits, seeds for each: {found.n_seeds:,}); {of_any:,} of "
        f"{int(known.sum()):,} images of the pools were selected at least once."
    )
    total = max(1, int(known.sum()))
    counts = level_counts(shares)
    rows = [[level, f"{n:,}", percent(round(n / total, 3))] for level, n in zip(LEVELS, counts, strict=True)]
    print(table(["selected", "images", "share"], rows, {1, 2}))
    for note in found.notes:
        say(f"note: {note}")
    listed: list[tuple[Cell, ...]] = [
        (image.path, image.class_name, int(found.in_pool[at]), int(found.chosen[at]),
         round(float(shares[at]), 4) if known[at] else None)
        for at, image in enumerate(images)
    ]  # fmt: skip
    _write(options.out, STABILITY_HEADS, listed)
    return 0


def _check_free(options: argparse.Namespace) -> None:
    if options.out is not None and options.out.exists() and not options.overwrite:
        raise ExportError(f"{options.out} already exists. Name another file, or add --overwrite.")


def _write(file: Path | None, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    if file is None:
        return
    try:
        write_atomically(file, csv_bytes(csv_of(heads, rows)))
    except OSError as error:
        raise ExportError(f"{file} cannot be written ({reason_of(error)}). Name another file.") from error
    say(f"written: {file}")
