"""The device of trainings, expected before TensorFlow is loaded, and used afterwards."""

import importlib.metadata
from pathlib import Path

from coreset_studio.core.features.engine import import_tensorflow
from coreset_studio.core.threads import n_processors

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def expected_device(driver: Path = NVIDIA_DRIVER) -> str:
    """Return in words what trainings will run on.

    TensorFlow itself is not queried, since loading it takes seconds: its build for processors never uses a GPU, and the
    other one can only where a driver is there. The device of a training is in its result.
    """
    if not has_gpu(driver):
        cores = n_processors()
        return "this machine's processor" if cores == 1 else f"{cores} processor cores"
    return "the NVIDIA GPU, if TensorFlow can use it"


def has_gpu(driver: Path = NVIDIA_DRIVER) -> bool:
    """Return whether trainings may run on a GPU, as far as is known without TensorFlow."""
    return not _installed("tensorflow-cpu") and driver.exists()


def device_used() -> str:
    """Return what TensorFlow computes on: the processor, or a GPU by its name."""
    tf = import_tensorflow()

    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return "CPU"
    details = tf.config.experimental.get_device_details(devices[0])
    return f"GPU {details.get('device_name', '')}".strip()


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
