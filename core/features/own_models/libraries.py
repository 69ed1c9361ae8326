"""ONNX and ONNX Runtime, imported when they are first needed, and missed with a sentence."""

from functools import cache
from typing import Any

from coreset_studio.core.errors import FeatureError


@cache
def import_onnx() -> Any:
    """Return the module `onnx`.

    Raises
    ------
    FeatureError
        If it is not installed.
    """
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise _missing("onnx", error) from error
    return onnx


@cache
def import_onnxruntime() -> Any:
    """Return the module `onnxruntime`; it records nothing and sends nothing.

    Raises
    ------
    FeatureError
        If it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing("onnxruntime", error) from error
    # For Windows, where the system may collect its events; elsewhere `core` has turned them off before the import.
    onnxruntime.disable_telemetry_events()
    onnxruntime.set_default_logger_severity(3)
    return onnxruntime


def _missing(name: str, error: ImportError) -> FeatureError:
    why = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be loaded ({error})"
    return FeatureError(
        f"The package {name} {why}, and models of your own require it: install it with "
        f"`pip install 'coreset-studio[models]'`."
    )
