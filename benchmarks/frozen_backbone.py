"""What it gains to compute the frozen backbone once an image instead of in every epoch.

    python -m benchmarks.frozen_backbone [--images FOLDER] [--n 64] [--epochs 10] [--backbone mobilenetv2]

Both sides train the same transfer network from the same seed in one process: once through the backbone in every epoch,
once with the backbone's features computed into an empty cache (that time counts) and the head trained on them. Printed
are the seconds, their ratio, and how far the answers of the two are apart. Expected at 10 epochs: at least 8.
Weights that are not on the machine are replaced by untrained ones, which cost the same.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.extraction import first_images
from benchmarks.real_data import images_folder, weights_for
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.architectures.transfer.model import assemble_transfer, build_transfer_head
from coreset_studio.core.training.backbones import backbone_features, backbone_of
from coreset_studio.core.training.loop import Labelled, Rows, fit, make_deterministic, predict
from coreset_studio.core.training.network import BackboneChoice
from coreset_studio.core.training.pixels import ImageSource

EXPECTED = 8.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--n", type=int, default=64, help="images to train on; a quarter as many validate")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--size", type=int, default=256, help="side of the images in pixels")
    parser.add_argument("--backbone", default="mobilenetv2", help="resnet101v2 is the paper's, and slow")
    chosen = parser.parse_args()
    settings = TrainingSettings(image_size=chosen.size, epochs=chosen.epochs, min_steps=0)
    with tempfile.TemporaryDirectory() as place:
        wanted = chosen.n + max(1, chosen.n // 4)
        dataset = first_images(scan(images_folder(chosen.images), cache_folder=Path(place)), wanted)
        ratio, apart = compare(dataset, chosen.backbone, settings, Path(place))
    print(f"gain {ratio:.1f} (expected at 10 epochs: at least {EXPECTED:g}); answers differ by at most {apart:.1e}")


def compare(dataset: Dataset, name: str, settings: TrainingSettings, cache_folder: Path) -> tuple[float, float]:
    """Return how many times faster the kept features are, and the largest difference of a probability.

    Every fifth image validates, the others are trained on.
    """
    file, untrained = weights_for(name)
    choice = BackboneChoice(name, settings.image_size, untrained, file)
    pooled = backbone_of(choice).pooled
    n_classes = len(dataset.classes)
    everything = np.arange(len(dataset.images))
    validates = everything % 5 == 4
    training, validation = everything[~validates], everything[validates]
    # Neither side pays for the backbone's first call.
    predict(pooled, ImageSource(dataset, everything[:1], settings.image_size))

    started = time.perf_counter()
    make_deterministic(0)
    whole = assemble_transfer(pooled, build_transfer_head(pooled.output_shape[-1], n_classes, settings))
    seen = [
        Labelled(ImageSource(dataset, part, settings.image_size).hold(cache_folder), dataset.labels[part])
        for part in (training, validation)
    ]
    fit(whole, seen[0], seen[1], settings, seed=0, title="through the backbone")
    through = time.perf_counter() - started

    started = time.perf_counter()
    features = backbone_features(dataset, everything, choice, cache_folder=cache_folder)
    make_deterministic(0)
    head = build_transfer_head(features.shape[1], n_classes, settings)
    kept = [Labelled(Rows(features[part]), dataset.labels[part]) for part in (training, validation)]
    fit(head, kept[0], kept[1], settings, seed=0, title="on kept features")
    once = time.perf_counter() - started

    answers = predict(whole, ImageSource(dataset, validation, settings.image_size))
    apart = float(np.abs(answers - predict(head, Rows(features[validation]))).max())
    print(
        f"{name} at {settings.image_size} px, {len(training)} + {len(validation)} images, "
        f"{settings.epochs} epochs: through the backbone {through:.1f} s, features kept {once:.1f} s"
    )
    return through / once, apart


if __name__ == "__main__":
    main()
