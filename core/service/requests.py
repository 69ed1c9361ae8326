"""Base classes of requests to the engine: small frozen dataclasses that name the type of their result."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Never, TypeVar

from core.limits import Limits, limits_of
from core.progress import Progress, Publisher

Result = TypeVar("Result", covariant=True)
Part = TypeVar("Part", covariant=True)
Service = TypeVar("Service", contravariant=True)


class PublishingRequest(ABC, Generic[Result, Part]):
    """Something to be done in an engine process of its own, which also publishes finished parts of its result.

    A request is a frozen dataclass whose fields are small and can be pickled: paths, settings, frozen dataclasses.
    Arrays are passed through the cache on disk. Requests are imported by the window, so `run` imports what it needs.

    Attributes
    ----------
    title : str
        Name shown to the user, with its article: "an export". Empty for steps, which have names of their own, and for
        requests that are for display.
    is_for_display : bool
        Whether pages and dialogs send it without being asked by the user, only to show something.

    See Also
    --------
    Request : Base class of a request that publishes no parts.
    """

    title: ClassVar[str] = ""
    is_for_display: ClassVar[bool] = False

    @abstractmethod
    def run(self, progress: Publisher[Part]) -> Result:
        """Compute the result, in the engine process.

        Parameters
        ----------
        progress : Publisher
            Its reports and parts reach the window before the result does.
        """

    @property
    def limits(self) -> Limits | None:
        """Limits of time and memory of `run` if it opens untrusted files; see `core.limits.limited`."""
        return limits_of(self.run)


class Request(PublishingRequest[Result, Never]):
    """Something to be done in an engine process of its own.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class CountImages(Request[int]):
    ...     folder: Path
    ...
    ...     def run(self, progress: Progress) -> int:
    ...         return sum(1 for _ in self.folder.iterdir())
    """

    @abstractmethod
    def run(self, progress: Progress) -> Result:
        """Compute the result, in the engine process.

        Parameters
        ----------
        progress : Progress
            Its reports reach the window.
        """


class ServiceRequest(ABC, Generic[Service, Result]):
    """Something to be answered by an object that stays in an engine process, as `Request` otherwise."""

    @abstractmethod
    def run(self, service: Service, progress: Progress) -> Result:
        """Answer it, in the engine's process, from the object that stays there."""

    @property
    def limits(self) -> Limits | None:
        """Limits of time and memory of `run` where it opens untrusted files."""
        return limits_of(self.run)


AnyRequest = PublishingRequest[Any, Any]
AnyServiceRequest = ServiceRequest[Any, Any]
