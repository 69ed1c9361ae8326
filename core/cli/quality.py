"""The output of `coreset scan` on the quality of images."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.cli.terminal import say, table
from coreset_studio.core.data.quality import CHECKS, Flags, Values, flags_of, quality_notes, quality_values
from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import reason_of
from coreset_studio.core.output.tables import Cell, csv_bytes, csv_of
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import QualitySettings


def check_listing(file: Path | None) -> None:
    """Refuse a file that is already there, before anything is scanned.

    Raises
    ------
    ExportError
        If it is.
    """
    if file is not None and file.exists():
        raise ExportError(f"{file} already exists. Name another file.")


def print_quality(dataset: Dataset, settings: QualitySettings, file: Path | None) -> list[str]:
    """Print how many images each check flags, write the list of all images if `file` is given, and return notes."""
    values = quality_values(dataset)
    flags = flags_of(values, settings)
    rows = [
        [
            check.title,
            f"{np.count_nonzero(flags[check.name]):,}",
            f"{'above' if check.is_above else 'below'} {check.threshold(settings):g}{check.facts.unit}",
        ]
        for check in CHECKS
    ]
    print(f"\n{table(['quality check', 'images', 'flagged'], rows, {1})}")
    say("Flagged images are not excluded.")
    if file is not None:
        _write(file, dataset, values, flags)
        say(f"written: {file}")
    return quality_notes(dataset, flags)


def _write(file: Path, dataset: Dataset, values: Mapping[str, Values], flags: Mapping[str, Flags]) -> None:
    names = [check.name for check in CHECKS]
    rows: list[list[Cell]] = [
        [
            image.path,
            image.class_name,
            " ".join(name for name in names if flags[name][index]),
            *(float(f"{values[name][index]:.5g}") for name in names),
        ]
        for index, image in enumerate(dataset.images)
    ]
    try:
        content = csv_of(["path", "class", "flags", *names], rows)
        write_atomically(file, csv_bytes(content))
    except OSError as error:
        raise ExportError(f"{file} cannot be written ({reason_of(error)}). Name another file.") from error
