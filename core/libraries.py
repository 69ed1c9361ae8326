"""The libraries that results depend on, and their versions here."""

import platform
from importlib import metadata

LIBRARIES = {
    "numpy": "NumPy",
    "scipy": "SciPy",
    "scikit-learn": "scikit-learn",
    "kmedoids": "kmedoids",
    "pillow": "Pillow",
    "opencv-python-headless": "OpenCV",
    "tensorflow-cpu": "TensorFlow",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "onnxruntime": "ONNX Runtime",
}
"""What packages are called in sentences, by their names in the package index."""


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that are installed, by the names of their packages."""
    found = {"python": platform.python_version()}
    for package in LIBRARIES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
