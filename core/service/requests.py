"""Base classes of requests to the engine: small frozen dataclasses that name the types of their results and parts."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Never, TypeVar

from coreset_studio.core.limits import Limits, limits_of
from coreset_studio.core.progress import Progress, Publisher

Result = TypeVar("Result", covariant=True)
Part = TypeVar("Part", covariant=True)
Service = TypeVar("Service", contravariant=True)


class PublishingRequest(ABC, Generic[Result, Part]):
    """A request that runs in an engine process of its own and publishes finished parts of its result.

    A request is a frozen dataclass whose fields are small and can be pickled: paths, settings, frozen dataclasses.
    Arrays are passed through the cache on disk. Requests are imported by the window, so `run` imports what it needs.

    Attributes
    ----------
    title : str
        Name shown to the user, with its article: "an export". Empty for steps, which have names of their own, and for
        requests that are for display.
    is_for_display : bool
        Whether pages and dialogs send it by themselves, only to show something.

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
    """A request that runs in an engine process of its own and publishes no parts.

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
    """A request that is answered by an object that stays in an engine process; else as `Request`."""

    @abstractmethod
    def run(self, service: Service, progress: Progress) -> Result:
        """Compute the result, in the engine process.

        Parameters
        ----------
        service : Service
            The object that stays there.
        progress : Progress
            Its reports reach the window.
        """

    @property
    def limits(self) -> Limits | None:
        """Limits of time and memory of `run` if it opens untrusted files; see `core.limits.limited`."""
        return limits_of(self.run)


AnyRequest = PublishingRequest[Any, Any]
AnyServiceRequest = ServiceRequest[Any, Any]
