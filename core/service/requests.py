"""Base classes of requests to the engine: small frozen dataclasses that name the type of their result."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from core.limits import Limits, limits_of
from core.progress import Progress

Result = TypeVar("Result", covariant=True)
Service = TypeVar("Service", contravariant=True)


class Request(ABC, Generic[Result]):
    """Something to be done in an engine process of its own.

    A request is a frozen dataclass whose fields are small and can be pickled: paths, settings, frozen dataclasses.
    Arrays travel through the cache on disk. Requests are imported by the window, so `run` imports what it needs.

    Attributes
    ----------
    title : str
        Name shown to the user, with its article: "an export". Empty for steps, which have names of their own, and for
        requests that are for display.
    is_for_display : bool
        Whether pages and dialogs request it by themselves, only to show something.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class CountImages(Request[int]):
    ...     folder: Path
    ...
    ...     def run(self, progress: Progress) -> int:
    ...         return sum(1 for _ in self.folder.iterdir())
    """

    title: ClassVar[str] = ""
    is_for_display: ClassVar[bool] = False

    @abstractmethod
    def run(self, progress: Progress) -> Result:
        """Do it, in the engine's process.

        Parameters
        ----------
        progress : Progress
            Reports reach the window, and so does what is published before the whole is done.
        """

    @property
    def limits(self) -> Limits | None:
        """Limits of time and memory of `run` where it opens untrusted files; see `core.limits.limited`."""
        return limits_of(self.run)


class ServiceRequest(ABC, Generic[Service, Result]):
    """Something to be answered by an object that stays in an engine process, as `Request` otherwise."""

    @abstractmethod
    def run(self, service: Service, progress: Progress) -> Result:
        """Answer it, in the engine's process, from the object that stays there."""

    @property
    def limits(self) -> Limits | None:
        """Limits of time and memory of `run` where it opens untrusted files."""
        return limits_of(self.run)


AnyRequest = Request[Any]
AnyServiceRequest = ServiceRequest[Any, Any]
