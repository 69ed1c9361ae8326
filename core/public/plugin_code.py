"""The types that plugin code receives and returns, and the errors that it raises with a message for the user."""

from coreset_studio.core.data.listing import Entry, Listing
from coreset_studio.core.data.reader import FileReader
from coreset_studio.core.errors import (
    DatasetError,
    ExportError,
    FeatureError,
    InputError,
    SelectionError,
    TrainingError,
)
from coreset_studio.core.features.steps import Compute, Pixels, Prepared, Steps
from coreset_studio.core.output.planning import Plan, Written
from coreset_studio.core.progress import Progress
from coreset_studio.core.selection.sampling import ClassPool, Order
from coreset_studio.core.training.evidence import Evidence, Values
from coreset_studio.core.training.task import RunInput, Trained

__all__ = [
    "ClassPool", "Compute", "DatasetError", "Entry", "Evidence", "ExportError", "FeatureError", "FileReader",
    "InputError", "Listing", "Order", "Pixels", "Plan", "Prepared", "Progress", "RunInput", "SelectionError", "Steps",
    "Trained", "TrainingError", "Values", "Written",
]  # fmt: skip
