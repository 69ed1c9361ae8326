"""What `colour-texture` costs on one core, decoding included, and how well it separates real blood cells.

    python -m benchmarks.colour_texture [--images FOLDER]

Expected: at most 10 ms an image of 360×360 on one core; 5-NN accuracy of the colour block at least 0.90 on a quarter
of the blood cells of Acevedo et al. 2020 (stratified 70/30, mean of three seeds).
"""

import argparse
import io
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from benchmarks.real_data import images_folder
from coreset_studio.core.data.images import read_rgb
from coreset_studio.core.errors import ImageError
from coreset_studio.core.features.extractors.colour_texture.blocks import BLOCKS, prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=None)
    folder = images_folder(parser.parse_args().images)
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        cost(folder)
    separation(folder)


def cost(folder: Path, n: int = 200) -> None:
    """Print milliseconds an image, in this one thread, from JPEG bytes at 360×360."""
    files = []
    for file in sorted(folder.rglob("*.jpg"))[::20][:n]:
        buffer = io.BytesIO()
        Image.fromarray(cv2.resize(read_rgb(file), (360, 360))).save(buffer, "JPEG", quality=95)
        files.append(buffer.getvalue())
    prepare(read_rgb(files[0]))
    start = time.perf_counter()
    images = [read_rgb(data) for data in files]
    decoded = time.perf_counter()
    for image in images:
        prepare(image)
    end = time.perf_counter()
    decode, describe = 1000 * (decoded - start) / len(files), 1000 * (end - decoded) / len(files)
    print(f"{len(files)} JPEG images of 360×360 on one core: decoding {decode:.2f} ms + describing {describe:.2f} ms")
    print(f"= {decode + describe:.2f} ms an image; expected at most 10 ms")


def separation(folder: Path) -> None:
    """Print 5-NN accuracy of each block, and of all joined as views (50 components each, mean squared norm 1/4)."""
    rows, labels = described(folder)
    edges = np.cumsum(list(BLOCKS.values()))[:-1]
    blocks = dict(zip(BLOCKS, np.split(rows, edges, axis=1), strict=True))
    views = []
    for block, values in blocks.items():
        reduced = PCA(50, svd_solver="covariance_eigh").fit_transform(values)
        views.append(reduced / np.sqrt((reduced**2).sum(axis=1).mean() * len(blocks)))
        print(f"{block:10s} 5-NN {accuracy(values, labels):.3f}; 50 components {accuracy(reduced, labels):.3f}")
    print(f"joined     5-NN {accuracy(np.concatenate(views, axis=1), labels):.3f}")


def described(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    rows, labels = [], []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.name.startswith("."):
            try:
                rows.append(prepare(read_rgb(file)))
                labels.append(file.relative_to(folder).parts[0])
            except ImageError:
                continue
    return np.stack(rows), np.array(labels)


def accuracy(rows: np.ndarray, labels: np.ndarray) -> float:
    scores = []
    for seed in range(3):
        train, test = train_test_split(np.arange(len(labels)), test_size=0.3, stratify=labels, random_state=seed)
        scores.append(KNeighborsClassifier(5).fit(rows[train], labels[train]).score(rows[test], labels[test]))
    return float(np.mean(scores))


if __name__ == "__main__":
    main()
