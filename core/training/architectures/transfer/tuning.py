"""Fine-tuning: train the output layers and the last block of the backbone on stored inputs of that block."""

import time
from dataclasses import replace

import numpy as np

from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.features.network import Network as Convolutional
from coreset_studio.core.training.architectures.transfer.model import (
    Scaling,
    assemble_transfer,
    build_regularised_head,
    build_transfer_head,
    fold_scaling,
)
from coreset_studio.core.training.backbones import average_pooled, backbone_of
from coreset_studio.core.training.block_inputs import block_inputs, divide
from coreset_studio.core.training.calling import free_memory
from coreset_studio.core.training.layers import KerasModel
from coreset_studio.core.training.loop import Labelled, fit, make_deterministic, predict
from coreset_studio.core.training.network import BackboneChoice
from coreset_studio.core.training.task import RunInput, Trained


def train_with_last_block(run: RunInput, choice: BackboneChoice, network: Convolutional) -> Trained:
    """Train the head and a copy of the last block of the backbone, and assemble the whole model.

    Parameters
    ----------
    run : RunInput
    choice : BackboneChoice
    network : coreset_studio.core.features.network.Network
        The network of the backbone; it names its last block.

    Raises
    ------
    MissingWeightsError
        If the weights of the backbone are missing on this machine.
    CacheError
        If there is not enough disk space for the block inputs.
    """
    parts, split = run.network.parts(run.settings), run.split
    backbone = backbone_of(choice)
    started = time.perf_counter()
    maps = block_inputs(
        run.dataset,
        run.indices,
        np.concatenate([split.validation, split.test]),
        choice,
        in_all_orientations=parts.flips_and_turns,
        cache_folder=run.task.places.cache_folder,
        progress=run.reading,
    )
    n_trained, n_checked = len(run.indices), len(run.indices) + len(split.validation)
    training, test = maps.part(0, n_trained), maps.part(n_checked, len(maps))
    validation = maps.part(n_trained, n_checked)
    free_memory()
    make_deterministic(run.seed)
    divided = divide(backbone, network.last_block)
    block = trainable_copy(divided.block)
    pooled = pooled_block(block)
    n_features, n_classes = int(pooled.output_shape[-1]), len(run.classes)
    scaling = None
    if parts.regularised_output:
        # Computed from the features of the pretrained block, and fixed during training.
        scaling = Scaling.of(predict(pooled, training, title="Pooling", progress=run.reading))
        head = build_regularised_head(n_features, n_classes, n_trained, run.settings, seed=run.seed)
    else:
        head = build_transfer_head(n_features, n_classes, run.settings, seed=run.seed)
    feature_seconds = time.perf_counter() - started
    model = tuned_model(pooled, head, scaling)
    words = run.network.words
    fitted = fit(
        model,
        run.labelled(training),
        Labelled(validation, run.labels[split.validation]) if len(validation) else None,
        run.settings,
        seed=run.seed,
        title=f"{words} and the last block of {choice.extractor}",
        progress=run.fitting,
        slower=block,
    )
    used = ("fine_tuning", *(("regularised_output",) if scaling is not None else ()))
    probabilities = predict(model, test, title=f"Testing {words}", progress=run.testing)
    if scaling is not None:
        head = fold_scaling(head, scaling)
    return Trained.of_fit(
        assemble_transfer(pooled_whole(divided.before, block), head),
        replace(fitted, parts=(*fitted.parts, *used)),
        probabilities,
        feature_seconds=feature_seconds,
        weights=backbone.weights,
    )


def trainable_copy(block: KerasModel) -> KerasModel:
    """Return a copy of a block in which kernels and biases of convolutions are trainable.

    Batch normalisation is not: its factors, offsets, means and variances stay as pretrained.
    """
    keras = import_keras()

    copy = keras.models.clone_model(block)
    copy.set_weights(block.get_weights())
    # Set layer by layer, because setting it on a cloned model leaves its layers unchanged.
    for layer in copy.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    return copy


def pooled_block(block: KerasModel) -> KerasModel:
    """Return a block followed by global average pooling, from block inputs to features, (batch, channels)."""
    keras = import_keras()

    maps = keras.Input(block.input_shape[1:], name="maps")
    return keras.Model(maps, average_pooled(block(maps, training=False)), name="pooled_block")


def pooled_whole(before: KerasModel, block: KerasModel) -> KerasModel:
    """Return the first part of a backbone, a block and global average pooling, from pixels to features.

    Parameters
    ----------
    before : keras.Model
        From pixels to block inputs; see `core.training.block_inputs.DividedBackbone`.
    block : keras.Model
        From `trainable_copy`.
    """
    keras = import_keras()

    return keras.Model(before.input, average_pooled(block(before.output, training=False)), name="pooled_backbone")


def tuned_model(pooled: KerasModel, head: KerasModel, scaling: Scaling | None) -> KerasModel:
    """Return the model that is fitted: a block, pooling and the head, from block inputs to probabilities.

    Parameters
    ----------
    pooled : keras.Model
        From `pooled_block`.
    head : keras.Model
        The model shares its layers.
    scaling : Scaling or None
        Scaling of the features, of a regularised output.
    """
    keras = import_keras()

    x = pooled.output
    if scaling is not None:
        offset = (-scaling.mean / scaling.scale).tolist()
        x = keras.layers.Rescaling(1 / scaling.scale, offset, name="scaling")(x)
    for layer in head.layers[1:]:
        x = layer(x)
    return keras.Model(pooled.input, x, name="tuned_transfer")
