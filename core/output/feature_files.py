"""Write the features of an extractor to a file: the form in which features are read from a file, too."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.errors import ExportError
from coreset_studio.core.features.extraction import Extracted
from coreset_studio.core.files import reason_of, temporary_file
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.spreadsheet import text_cell

SUFFIXES = (".npy", ".h5", ".csv")
_ROWS = 512


def list_file(file: Path) -> Path | None:
    """Return the list of paths that is written next to a features file; None for a form that contains it."""
    return file.with_suffix(".csv") if file.suffix.lower() == ".npy" else None


def check_target(file: Path, *, overwrite: bool) -> None:
    """Refuse what cannot be written, before anything is computed.

    Raises
    ------
    ExportError
        If the ending is not one of `SUFFIXES`, or a file exists and `overwrite` is off.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise ExportError(f"{file.name} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}; name such a file.")
    for each in (file, list_file(file)):
        if each is not None and each.exists() and not overwrite:
            raise ExportError(f"{each} already exists. Name another file, or add --overwrite.")


def write_features(file: Path, extracted: Extracted, indices: IntArray, progress: Progress = NO_PROGRESS) -> None:
    """Write the features of some images, a row each, in this sequence.

    Parameters
    ----------
    file : Path
        ``.npy``: float32 of shape (n, d), with the paths in a .csv next to it; of several blocks an array of n records
        with a field for each. ``.h5``: datasets `features`, a group for several blocks, and `paths`. ``.csv``: the
        column path, and one for each feature, ``block[0]`` and so on for several blocks.
    extracted : Extracted
    indices : ndarray of int64
        Images that have features.
    progress : Progress

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    paths = [extracted.dataset.images[int(index)].path for index in indices]
    write = {".npy": _write_npy, ".h5": _write_h5, ".csv": _write_csv}[file.suffix.lower()]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with temporary_file(file) as part:
            write(part, paths, extracted.blocks, _parts(extracted, indices, progress))
        listed = list_file(file)
        if listed is not None:
            with temporary_file(listed) as part, part.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([["path"], *([text_cell(path)] for path in paths)])
    except OSError as error:
        raise ExportError(f"{file} cannot be written ({reason_of(error)}). Name another file.") from error


def _parts(extracted: Extracted, indices: IntArray, progress: Progress) -> Iterator[Mapping[str, FloatArray]]:
    for start in range(0, len(indices), _ROWS):
        taken = indices[start : start + _ROWS]
        yield {block: extracted.rows(block, taken) for block in extracted.blocks}
        progress.report(start + len(taken), len(indices), "Writing features: images")


def _write_npy(
    file: Path, paths: list[str], blocks: Mapping[str, int], parts: Iterator[Mapping[str, FloatArray]]
) -> None:
    single = next(iter(blocks)) if len(blocks) == 1 else ""
    dtype = np.dtype("<f4") if single else np.dtype([(name, "<f4", (width,)) for name, width in blocks.items()])
    shape = (len(paths), blocks[single]) if single else (len(paths),)
    head = io.BytesIO()
    facts = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, facts)
    with file.open("wb") as stream:
        stream.write(head.getvalue())
        for part in parts:
            if single:
                stream.write(np.ascontiguousarray(part[single], dtype="<f4").tobytes())
                continue
            records: Any = np.empty(len(next(iter(part.values()))), dtype=dtype)
            for name, rows in part.items():
                records[name] = rows
            stream.write(records.tobytes())


def _write_h5(
    file: Path, paths: list[str], blocks: Mapping[str, int], parts: Iterator[Mapping[str, FloatArray]]
) -> None:
    import h5py

    with h5py.File(file, "w") as container:
        names = {name: "features" if len(blocks) == 1 else f"features/{name}" for name in blocks}
        # In the sequence of the blocks, not by name.
        if len(blocks) > 1:
            container.create_group("features", track_order=True)
        datasets: dict[str, Any] = {
            name: container.create_dataset(names[name], (len(paths), width), "<f4") for name, width in blocks.items()
        }
        start = 0
        for part in parts:
            for name, rows in part.items():
                datasets[name][start : start + len(rows)] = rows
            start += len(next(iter(part.values())))
        container.create_dataset(
            "paths", data=[path.encode("utf-8", "replace") for path in paths], dtype=h5py.string_dtype()
        )


def _write_csv(
    file: Path, paths: list[str], blocks: Mapping[str, int], parts: Iterator[Mapping[str, FloatArray]]
) -> None:
    names = [
        f"{name}[{at}]" if len(blocks) > 1 else f"feature_{at}" for name, width in blocks.items() for at in range(width)
    ]
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", *names])
        start = 0
        for part in parts:
            for path, *rows in zip(paths[start:], *part.values(), strict=False):
                # As short as float32 can be written.
                writer.writerow([text_cell(path), *(str(value) for row in rows for value in row)])
            start += len(next(iter(part.values())))
