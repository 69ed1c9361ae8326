"""Estimated and measured costs of a stage."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """Estimated costs of a stage that has not started.

    Attributes
    ----------
    seconds : float
    memory_bytes, disk_bytes : int
        Peak memory and disk space in bytes.
    basis : str
        Basis of the estimate in a few words, such as ``"9 images/s, as measured on this machine"``.
    """

    seconds: float
    memory_bytes: int
    disk_bytes: int
    basis: str


@dataclass(frozen=True)
class StageTime:
    """Measured costs of a stage.

    Attributes
    ----------
    stage : str
    seconds : float
    peak_bytes : int
        Peak memory of the process in bytes.
    """

    stage: str
    seconds: float
    peak_bytes: int
