"""Does the transfer network reach a linear probe on the same features? At 5 and 10 % of the blood cells.

    python -m benchmarks.frozen_output [--backbone mobilenetv2] [--size 256] [--fractions 0.05 0.1] [--seeds 3]

One split of the images of `benchmarks.real_data`, coresets drawn by stratified random, seed r of draw, initial weights
and shuffling together. The probe is the program's fast judge on the features that the transfer network stands on:
their 300 leading components over the pool, a penalty chosen by 3-fold cross-validation in the pool. It is told beside
three trainings of the transfer network: as the paper has it, with the regularised output, and with flips and turns
besides (the recommended recipe). Nothing is chosen by the test images: the regularised output has the penalty in the
middle of those that the judge chooses from. The table is written to ``results/frozen_output.md``.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import RESULTS
from benchmarks.real_data import images_folder, weights_for
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.split import make_split
from coreset_studio.core.features.reduction import HEAD_COMPONENTS, embed_pool
from coreset_studio.core.results import Dataset, FloatArray, IntArray, PoolEmbedding, RunKey, Split
from coreset_studio.core.selection.selecting import select
from coreset_studio.core.settings import DataSettings, SelectionSettings, TrainingSettings, with_own
from coreset_studio.core.training.architectures.head.logistic import choose_head_strength
from coreset_studio.core.training.backbones import backbone_features
from coreset_studio.core.training.fitting import Places, Seen, TrainingTask, train
from coreset_studio.core.training.network import BackboneChoice

PROBE = "linear probe"
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "paper": {},
    "regularised output": {"regularised_output": "on"},
    "recommended (flips and turns, too)": {"recipe": "recommended", "orientation": "free"},
}
FIGURES = ("accuracy", "balanced_accuracy", "worst_class_recall")


@dataclass(frozen=True)
class BackboneRows:
    """Features of a frozen backbone, as `core.features.reduction.embed_pool` takes those of an extractor."""

    extractor: str
    fingerprint: str
    indices: IntArray
    values: FloatArray
    block_names: tuple[str, ...] = ("average",)

    def rows(self, block: str, indices: IntArray) -> FloatArray:  # noqa: ARG002 - there is one block
        """Return the features of images, shape (n, n_channels)."""
        return np.asarray(self.values[np.searchsorted(self.indices, indices)])


def probe_on(dataset: Dataset, split: Split, choice: BackboneChoice, cache: Path) -> PoolEmbedding:
    """Return what the fast judge sees of the backbone's features."""
    indices = np.sort(np.concatenate([split.pool, split.validation, split.test])).astype(np.int64)
    values = backbone_features(dataset, indices, choice, cache_folder=cache)
    name = f"frozen output {choice.extractor} {choice.image_size}"
    return embed_pool(
        dataset, split, [BackboneRows(choice.extractor, name, indices, values)], n_components=HEAD_COMPONENTS,
        cache_folder=cache,
    )  # fmt: skip


def drawn(dataset: Dataset, split: Split, fraction: float, seed: int) -> IntArray:
    settings = SelectionSettings(sampler="stratified", fraction=fraction, seed=seed)
    return select(dataset, split, (), (), settings).indices


def measured(options: argparse.Namespace) -> Iterator[tuple[float, str, dict[str, float]]]:
    """Yield fraction, variant and figures of every training."""
    cache = options.cache
    dataset = scan(images_folder(options.images), cache_folder=cache)
    split = make_split(dataset, DataSettings(test_fraction=0.3, validation_fraction=0.1))
    file, untrained = weights_for(options.backbone)
    choice = BackboneChoice(options.backbone, options.size, untrained, file)
    embedding = probe_on(dataset, split, choice, cache)
    seen = Seen(embedding, choose_head_strength(dataset, embedding))
    plain = with_own(TrainingSettings(image_size=options.size), "transfer", backbone=options.backbone)
    for fraction in options.fractions:
        for seed in range(options.seeds):
            indices = drawn(dataset, split, fraction, seed)
            task = TrainingTask(dataset, split, indices, plain, seed=seed, seen=seen, places=Places(cache, file))
            rows = {PROBE: ("head", task)}
            rows |= {name: ("transfer", replace(task, settings=replace(plain, **changes)))
                     for name, changes in VARIANTS.items()}  # fmt: skip
            for name, (network, one) in rows.items():
                run = train(network, one, RunKey(network, "stratified", fraction, seed, name)).result
                figures = {**{each: run.metrics[each] for each in FIGURES}, "seconds": run.train_seconds}
                print(fraction, seed, name, {each: round(figures[each], 4) for each in FIGURES}, flush=True)
                yield fraction, name, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument("--backbone", default="mobilenetv2")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.05, 0.1])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    found: dict[tuple[float, str], list[dict[str, float]]] = defaultdict(list)
    for fraction, name, figures in measured(options):
        found[fraction, name].append(figures)
    lines = [
        "# The transfer network beside a linear probe on the same features",
        "",
        (
            f"Blood cells of 8 classes, one split, stratified random, {options.backbone} at {options.size} px, at "
            "least 750 steps of 32 images. In brackets the mean difference from the probe in points, paired by seed; n "
            "is the number of trainings. The penalty of the regularised output was fixed in advance. Written by "
            f"`python -m benchmarks.frozen_output --seeds {options.seeds}`; one split: differences of a point or two "
            "are within chance."
        ),
        "",
        "| fraction | what is trained | n | accuracy | balanced | worst class | training s |",
        "|---|---|---|---|---|---|---|",
    ]
    for (fraction, name), runs in found.items():
        cells = []
        for figure in FIGURES:
            values = np.array([run[figure] for run in runs])
            beside = np.array([run[figure] for run in found[fraction, PROBE]])
            gain = "" if name == PROBE else f" ({100 * (values - beside).mean():+.1f})".replace("-", "−")
            cells.append(f"{values.mean():.3f}{gain}")
        seconds = float(np.mean([run["seconds"] for run in runs]))
        lines.append(f"| {fraction:.0%} | {name} | {len(runs)} | {' | '.join(cells)} | {seconds:.0f} |")
    (options.results / "frozen_output.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
