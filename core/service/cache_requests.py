"""Requests about the cache: how large it is, its limit, emptying it."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from core.cache_limit import CacheState, look_at_cache, set_limit
from core.housekeeping import CacheSize, clear_cache
from core.progress import Progress
from core.service.requests import Request


@dataclass(frozen=True)
class MeasureCache(Request[CacheState]):
    """Return the size of the cache and its limit."""

    is_for_display: ClassVar[bool] = True
    folder: Path

    def run(self, progress: Progress) -> CacheState:
        """Count its files."""
        return look_at_cache(self.folder, progress)


@dataclass(frozen=True)
class LimitCache(Request[CacheState]):
    """Keep a limit of so many GB of 10⁹ bytes, None for none, and remove what is above it."""

    title: ClassVar[str] = "the cleanup of the cache"
    folder: Path
    gigabytes: float | None

    def run(self, progress: Progress) -> CacheState:
        """Keep the limit and make room."""
        return set_limit(self.folder, self.gigabytes, progress)


@dataclass(frozen=True)
class ClearCache(Request[CacheSize]):
    """Remove everything that can be computed again and that no other program uses; the result is what stays."""

    title: ClassVar[str] = "the clearing of the cache"
    folder: Path

    def run(self, progress: Progress) -> CacheSize:
        """Remove it."""
        return clear_cache(self.folder, progress)
