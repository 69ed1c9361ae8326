"""Whole features files for the fuzz harness to begin from, and their reader: read through and matched to images."""

import io
from pathlib import Path

import h5py
import numpy as np

from coreset_studio.core.features.extractors.features_file.forms import open_features
from coreset_studio.core.features.extractors.features_file.looking import features_from_file, rows_of
from coreset_studio.core.features.extractors.features_file.matching import match
from coreset_studio.core.results import Image
from coreset_studio.core.settings import DataSettings

PATHS = ["a/1.png", "a/2.png", "b/3.png"]
ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)
IMAGES = [Image(path, "a", None, "", 8, 8, f"{n:064x}", f"{n:064x}", 1, 0, "0" * 16) for n, path in enumerate(PATHS)]


def arrays() -> list[bytes]:
    """Return .npy files of several types, orders and with fields."""
    records = np.zeros(3, dtype=[("colour", "<f4", (2,)), ("one", "<f8")])
    found = []
    for each in (ROWS, ROWS.astype(">f8"), np.asfortranarray(ROWS), ROWS.astype(np.uint8), records):
        stream = io.BytesIO()
        np.save(stream, each)
        found.append(stream.getvalue())
    return found


def archives() -> list[bytes]:
    """Return .npz files, packed and not."""
    found = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, features=ROWS, paths=np.array(PATHS))
        found.append(stream.getvalue())
    return found


def containers() -> list[bytes]:
    """Return .h5 files with one block and with several, chunked and packed."""
    one, several = io.BytesIO(), io.BytesIO()
    with h5py.File(one, "w") as container:
        container.create_dataset("features", data=ROWS, chunks=(2, 4), compression="gzip")
        container["paths"] = PATHS
    with h5py.File(several, "w") as container:
        container["features/a"], container["features/b"] = ROWS, ROWS[:, :1]
        container["ids"] = np.array([path.encode() for path in PATHS])
    return [one.getvalue(), several.getvalue()]


def tables() -> list[bytes]:
    """Return tables of features as others write them."""
    texts = (
        "path,x,y\na/1.png,1,2.5\na/2.png,3e5,nan\nb/3.png,,-4\n",
        "sep=;\nfile;label;x\na/1.png;0;0,5\na/2.png;1;0,7\n",
        "path,c[0],c[1],d[0]\na/1.png,1,2,3\n",
        f"sha256,0,1\n{0:064x},1,2\n{1:064x},3,4\n",
        "a/1.png\t1\t2\na/2.png\t3\t4\n",
    )
    return [text.encode(form) for text in texts for form in ("utf-8", "utf-16")]


def lists() -> list[bytes]:
    """Return lists of paths."""
    return [b"path\na/1.png\na/2.png\nb/3.png\n", b"a/1.png\r\na/2.png\r\nb/3.png", b"n;file\n1;x\n2;y\n3;'=z\n"]


def read_features(file: Path) -> None:
    """Choose a features file, and find the rows of three images in it; what it lacks is written next to it."""
    if file.suffix == ".npy":
        file.with_suffix(".csv").write_bytes(lists()[0])
    features_from_file(file, file.parent, DataSettings())
    with open_features(file) as opened:
        match(opened.name, list(rows_of(opened)), IMAGES)


def read_list(file: Path) -> None:
    """Read a list of paths together with the array that it is of."""
    features = file.with_suffix(".npy")
    features.write_bytes(arrays()[0])
    features_from_file(features, file.parent, DataSettings())
