"""The types that plugin code receives and returns, and the errors that it raises with a message for the user."""

from core.data.listing import Entry, Listing
from core.data.reader import FileReader
from core.errors import DatasetError, ExportError, FeatureError, InputError, SelectionError, TrainingError
from core.features.steps import Compute, Pixels, Prepared, Steps
from core.output.planning import Plan, Written
from core.progress import Progress
from core.selection.sampling import ClassPool, Order
from core.training.evidence import Evidence, Values
from core.training.task import RunInput, Trained

__all__ = [
    "ClassPool", "Compute", "DatasetError", "Entry", "Evidence", "ExportError", "FeatureError", "FileReader",
    "InputError", "Listing", "Order", "Pixels", "Plan", "Prepared", "Progress", "RunInput", "SelectionError", "Steps",
    "Trained", "TrainingError", "Values", "Written",
]  # fmt: skip
