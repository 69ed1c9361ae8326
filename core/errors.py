"""Exceptions raised on purpose.

The tree::

    CoresetError                 anything this program raises on purpose; its text is one clear sentence for a user
    ├── CancelledError           the user cancelled; finished work is kept
    ├── TrialPrunedError         a trial of a search was ended early; the search continues
    ├── MemoryShortError         a stage needs more memory than there is: the command line ends with exit code 1
    └── InputError               what was given cannot be used: the command line ends with exit code 2
        ├── DatasetError         the folder or file of images
        │   └── MissingSourceError   a kind of dataset that nothing installed knows
        ├── ImageError           one image that cannot be decoded (the scan lists it and continues)
        │   └── LostImagesError      images of a dataset that can no longer be read as they were scanned
        ├── SplitError           train, validation and test sets that cannot be made as requested
        ├── WeightsError         an invalid weight file
        │   └── MissingWeightsError  weights that are nowhere on this machine
        ├── FeatureError         feature extraction or reduction
        ├── SelectionError       clusters, budgets, samplers
        │   └── SamplerFailedError   a sampler of a plugin that failed
        ├── TrainingError        networks, fitting, bundles
        ├── ExportError          writing or verifying an export, a report
        ├── SettingsError        a settings file or a value in it
        ├── ProjectError         a project file
        ├── OpeningError         what is opened requires more than an engine process may take for it
        └── CacheError           the cache folder cannot be read or written
            └── ReadOnlyCacheError   it may only be read
"""

from collections.abc import Mapping


class CoresetError(Exception):
    """Anything this program raises on purpose; the text is a sentence for the user."""


class CancelledError(CoresetError):
    """The user cancelled. Raised by `Progress.report`, so the engine needs no other cancel code."""

    def __init__(self, message: str = "Cancelled. Finished work is kept.") -> None:
        super().__init__(message)


class TrialPrunedError(CoresetError):
    """A trial of a search was ended early, when an epoch was published; the search continues with the next trial."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"The trial was ended after epoch {epoch:,}.")
        self.epoch = epoch


class MemoryShortError(CoresetError):
    """A stage needs more memory than this process may take; the text states how much, and what to do."""


class InputError(CoresetError):
    """The input cannot be used; states what happened, what was expected, what was found, what to do."""


class DatasetError(InputError):
    """A folder or file that contains no usable set of labelled images."""


class MissingSourceError(DatasetError):
    """A dataset of a kind that nothing installed knows, such as that of a plugin that was removed."""


class ImageError(InputError):
    """One image that cannot be decoded; its text is the reason that the scan lists."""


class LostImagesError(ImageError):
    """Images of a dataset that can no longer be read as they were scanned; the text names them.

    Parameters
    ----------
    message : str
    reasons : mapping of int to str
        Why, by index in the dataset.
    """

    def __init__(self, message: str, reasons: Mapping[int, str] | None = None) -> None:
        super().__init__(message)
        self.reasons: dict[int, str] = dict(reasons or {})


class SplitError(InputError):
    """Train, validation and test sets that cannot be made as requested."""


class WeightsError(InputError):
    """An invalid weight file."""


class MissingWeightsError(WeightsError):
    """Weights that are nowhere on this machine; the text names the ways out."""


class ClusterError(InputError):
    """A scheduler that cannot be used, or workers that cannot run a task."""


class FeatureError(InputError):
    """Feature extraction or reduction that cannot be done as requested."""


class SelectionError(InputError):
    """Clusters, budgets or samplers that are not possible as requested."""


class SamplerFailedError(SelectionError):
    """A sampler of a plugin that stopped with an error of its own; the text names both."""


class CannotContinueError(SelectionError):
    """A sampler that is to continue from an earlier coreset, and cannot, since it does not rank images."""


class TrainingError(InputError):
    """A network, training or model bundle that are not possible as requested."""


class ExportError(InputError):
    """An export or report that cannot be written or read."""


class SettingsError(InputError):
    """A settings file, or a value in it, that is not valid."""


class ProjectError(InputError):
    """A project file that cannot be read or written."""


class OpeningError(InputError):
    """A file or model requires more memory than an engine process may allocate for it."""


class CacheError(InputError):
    """The cache folder cannot be read or written."""


class ReadOnlyCacheError(CacheError):
    """The cache folder may be read, but not written: what is in it can be used, and what is not cannot be kept."""
