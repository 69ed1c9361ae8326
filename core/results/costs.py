"""What a stage will take, and what it took."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """What a stage will take before it starts.

    Attributes
    ----------
    seconds : float
    memory_bytes, disk_bytes : int
        At the peak.
    basis : str
        What it rests on, in a few words ("9 images/s, as measured on this machine").
    """

    seconds: float
    memory_bytes: int
    disk_bytes: int
    basis: str


@dataclass(frozen=True)
class StageTime:
    """What a stage took: seconds, peak memory of the process in bytes."""

    stage: str
    seconds: float
    peak_bytes: int
