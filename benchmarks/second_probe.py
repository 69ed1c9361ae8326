"""How well a linear probe tells the blood cells apart on the features of each extractor; a quick look at few images.

    python -m benchmarks.second_probe [--images FOLDER] [--n 600] [EXTRACTOR …]

Each feature block is centred and has mean squared length 1 over all images, and together they have it again; C = 100
for all, so nothing is tuned.
Five folds, twice. Writes benchmarks/results/second_probe.md if all images and weights are real.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import RepeatedStratifiedKFold

from benchmarks.extraction import first_images
from benchmarks.real_data import images_folder, weights_for
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.features.extraction import extract
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.training.architectures.head.logistic import fit_head

NAMES = ("colour-texture", "vgg16-avg", "mobilenetv2", "efficientnet-lite0")
STRENGTH, COMPONENTS, FOLDS, REPEATS = 100.0, 300, 5, 2
RESULT = Path(__file__).parent / "results" / "second_probe.md"


def scaled(rows: np.ndarray) -> np.ndarray:
    """Centre rows, and give them a mean squared length of 1."""
    centred = rows - rows.mean(axis=0)
    return np.asarray(centred / np.sqrt(np.square(centred).sum(axis=1).mean()))


def scores(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return accuracy and balanced accuracy of each fold, shape (n, 2)."""
    found = []
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0)
    for train, test in folds.split(rows, labels):
        pca = PCA(COMPONENTS, svd_solver="full").fit(rows[train])
        seen, unseen = pca.transform(rows[train]), pca.transform(rows[test])
        length = np.sqrt(np.square(seen).sum(axis=1).mean())
        head = fit_head(seen / length, labels[train], int(labels.max()) + 1, STRENGTH)
        guessed = head.probabilities(unseen / length).argmax(axis=1)
        found.append(((guessed == labels[test]).mean(), balanced_accuracy_score(labels[test], guessed)))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extractors", nargs="*", default=list(NAMES))
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--n", type=int, default=600)
    chosen = parser.parse_args()
    lines, all_real = [], True
    with tempfile.TemporaryDirectory() as place:
        dataset = first_images(scan(images_folder(chosen.images), cache_folder=Path(place)), chosen.n)
        classes = sorted({image.class_name for image in dataset.images})
        labels = np.array([classes.index(image.class_name) for image in dataset.images])
        for name in chosen.extractors:
            file, untrained = (None, False) if not EXTRACTORS[name].weights else weights_for(name)
            all_real &= not untrained
            features = extract(dataset, name, cache_folder=Path(place), weights_file=file, untrained=untrained)
            blocks = [features.rows(block, np.arange(len(labels))) for block in EXTRACTORS[name].blocks]
            rows = np.concatenate([scaled(block.astype(np.float64)) for block in blocks], axis=1)
            found = scores(rows, labels)
            accuracy, balanced = found.mean(axis=0)
            spread = found[:, 0].std(ddof=1)
            lines.append(
                f"| {EXTRACTORS[name].title} | {rows.shape[1]:,} | {accuracy:.3f} ± {spread:.3f} | {balanced:.3f} |"
            )
            print(lines[-1], flush=True)
    n = len(labels)
    text = (
        f"# A linear probe on the features of each extractor\n\n`python -m benchmarks.second_probe`: {n} of the blood "
        f"cells in {len(classes)} classes, {FOLDS} folds, {REPEATS} times; C = {STRENGTH:.0f} for all; ± is the "
        "standard deviation over the folds, which share training images. Differences of less than about 0.02 mean "
        "nothing here.\n\n| features | number | accuracy | balanced accuracy |\n"
        "|---|---:|---:|---:|\n" + "\n".join(lines) + "\n"
    )
    if all_real and chosen.images is None:
        RESULT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
