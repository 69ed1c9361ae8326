"""Requests about the cache: measure it, limit its size, clear it."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from coreset_studio.core.cache_limit import CacheState, look_at_cache, set_limit
from coreset_studio.core.housekeeping import CacheSize, clear_cache
from coreset_studio.core.progress import Progress
from coreset_studio.core.service.requests import Request


@dataclass(frozen=True)
class MeasureCache(Request[CacheState]):
    """Return the size of the cache and its limit."""

    is_for_display: ClassVar[bool] = True
    folder: Path

    def run(self, progress: Progress) -> CacheState:
        """Count the files."""
        return look_at_cache(self.folder, progress)


@dataclass(frozen=True)
class LimitCache(Request[CacheState]):
    """Set the limit of the cache, and remove entries until it is met.

    Attributes
    ----------
    folder : Path
    gigabytes : float or None
        The limit in GB of 10⁹ bytes; None: no limit.
    """

    title: ClassVar[str] = "the cleanup of the cache"
    folder: Path
    gigabytes: float | None

    def run(self, progress: Progress) -> CacheState:
        """Store the limit, and trim the cache."""
        return set_limit(self.folder, self.gigabytes, progress)


@dataclass(frozen=True)
class ClearCache(Request[CacheSize]):
    """Remove all entries that no other program uses; the result is the remaining size."""

    title: ClassVar[str] = "the clearing of the cache"
    folder: Path

    def run(self, progress: Progress) -> CacheSize:
        """Remove the entries."""
        return clear_cache(self.folder, progress)
