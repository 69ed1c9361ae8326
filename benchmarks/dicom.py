"""Time to read DICOM images, next to what pydicom alone takes for the stored values: `python -m benchmarks.dicom`.

The program parses the elements that it needs, checks sizes, decodes, rescales, applies the window and converts to RGB;
pydicom alone parses all elements and returns the stored values. Both read from memory, in one thread, in turns; the
median of the rounds is printed, in ms per image.
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable

import numpy as np
import pydicom
from pydicom.uid import JPEG2000Lossless, RLELossless

from coreset_studio.core.data.images import decode
from coreset_studio.core.results import Reading
from tests.core.data.dicom_files import dicom_bytes, written

SIDE = 512
ROUNDS = 15


def slices() -> dict[str, bytes]:
    """Return one CT slice in several transfer syntaxes."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    body = np.where(np.hypot(x, y) < 0.4, 1060, 0) + rng.normal(0, 12, (SIDE, SIDE))
    plain = dicom_bytes(
        np.clip(body, 0, 4095).astype(np.uint16), bits=12, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40,
        WindowWidth=400, PatientID="P", StudyInstanceUID="1.2", SeriesInstanceUID="1.2.3", InstanceNumber=1,
    )  # fmt: skip
    found = {"uncompressed": plain}
    for name, syntax in (("RLE", RLELossless), ("JPEG 2000, lossless", JPEG2000Lossless)):
        dataset = pydicom.dcmread(io.BytesIO(plain))
        dataset.compress(syntax)
        found[name] = written(dataset)
    return found


def milliseconds(function: Callable[[], object]) -> float:
    """Return the time of one call, in ms."""
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    reading = Reading(levels="used", alpha="auto")
    print(f"| {SIDE} × {SIDE} CT slice | this program, ms | pydicom alone, ms | ratio |\n|---|---:|---:|---:|")
    for name, data in slices().items():
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            times[0].append(milliseconds(lambda data=data: decode(data, reading)))  # type: ignore[misc]
            times[1].append(milliseconds(lambda data=data: pydicom.dcmread(io.BytesIO(data)).pixel_array))  # type: ignore[misc]
        ours, theirs = map(statistics.median, times)
        print(f"| {name} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |")


if __name__ == "__main__":
    main()
