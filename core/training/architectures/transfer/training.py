"""Train the transfer network: its head, on features of the backbone that are computed once; see `tuning`, too."""

import time
from dataclasses import replace

import numpy as np

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.training.architectures.transfer.model import (
    Scaling,
    assemble_transfer,
    build_regularised_head,
    build_transfer_head,
    fold_scaling,
)
from coreset_studio.core.training.architectures.transfer.tuning import train_with_last_block
from coreset_studio.core.training.backbones import backbone_features, backbone_of, oriented_features
from coreset_studio.core.training.calling import free_memory
from coreset_studio.core.training.loop import Labelled, OrientedRows, Rows, fit, make_deterministic, predict
from coreset_studio.core.training.task import RunInput, Trained
from coreset_studio.core.training.tuning_costs import tuned_network


def train(run: RunInput) -> Trained:
    """Train the head on the backbone's features, and put both together; with fine-tuning the last block, too.

    Raises
    ------
    MissingWeightsError
        If the weights of the backbone are missing on this machine.
    FeatureError
        If the backbone named is not a convolutional network.
    """
    choice = run.network.backbone(run.settings, run.task.places.weights_file)
    if choice is None:
        raise TrainingError(f"The {run.network.words} has no backbone.")
    tuned = tuned_network(run.network, run.settings)
    if tuned is not None:
        return train_with_last_block(run, choice, tuned)
    backbone = backbone_of(choice)
    used = np.concatenate([run.indices, run.split.validation, run.split.test])
    started = time.perf_counter()
    features = backbone_features(
        run.dataset, used, choice, cache_folder=run.task.places.cache_folder, progress=run.reading
    )
    feature_seconds = time.perf_counter() - started
    ends = np.cumsum([len(run.indices), len(run.split.validation)])
    of_coreset, *others = np.split(features, ends)
    validation, test = (Rows(part) for part in others)
    training: Rows | OrientedRows = Rows(of_coreset)
    parts = run.network.parts(run.settings)
    if parts.flips_and_turns:
        training = oriented_features(
            run.dataset, run.indices, choice, of_coreset, cache_folder=run.task.places.cache_folder,
            progress=run.reading,
        )  # fmt: skip
        feature_seconds = time.perf_counter() - started
    free_memory()
    make_deterministic(run.seed)
    scaling = Scaling.of(of_coreset) if parts.regularised_output else None
    if scaling is None:
        head = build_transfer_head(features.shape[1], len(run.classes), run.settings, seed=run.seed)
    else:
        # Test images stay as they are: the model that is kept has the scaling in it.
        for rows in (training, validation):
            scaling.apply_to(rows.values)
        size = features.shape[1], len(run.classes), len(run.indices)
        head = build_regularised_head(*size, run.settings, seed=run.seed)
    words = run.network.words
    fitted = fit(
        head,
        run.labelled(training),
        Labelled(validation, run.labels[run.split.validation]) if len(validation) else None,
        run.settings,
        seed=run.seed,
        title=f"{words} on {choice.extractor}",
        progress=run.fitting,
        keeps_last=parts.regularised_output,
    )
    if scaling is not None:
        head = fold_scaling(head, scaling)
        fitted = replace(fitted, parts=(*fitted.parts, "regularised_output"))
    return Trained.of_fit(
        assemble_transfer(backbone.pooled, head),
        fitted,
        predict(head, test, title=f"Testing {words}", progress=run.testing),
        feature_seconds=feature_seconds,
        weights=backbone.weights,
    )
