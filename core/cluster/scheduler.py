"""The connection to a Dask scheduler: checked workers, and tasks whose results come in the order of the tasks."""

import re
import ssl
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any, TypeVar

from coreset_studio.core.cluster.workers import WorkerFacts, facts_here
from coreset_studio.core.errors import ClusterError

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS, WITHOUT_WORKERS_SECONDS = 10.0, 60.0
"""How long to wait for the scheduler to answer, and for a worker while there is none."""

_POLL_SECONDS = 0.5
_TASKS_PER_THREAD = 3
_ADDRESS = re.compile(r"(?:(tcp|tls)://)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_INSTALL = 'install it with `pip install "coreset-studio[cluster]"`'


@dataclass(frozen=True)
class Scheduler:
    """Where a Dask scheduler is, and the files for an encrypted connection.

    Attributes
    ----------
    address : str
        ``HOST:PORT``, ``tcp://HOST:PORT`` or ``tls://HOST:PORT``.
    tls_ca, tls_cert, tls_key : Path or None
        PEM files: certificate of the authority, own certificate, own key. Either all are given or none.

    Raises
    ------
    ClusterError
        If the address has another form, TLS files are incomplete or missing, or do not go with the address.
    """

    address: str
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def __post_init__(self) -> None:
        found = _ADDRESS.fullmatch(self.address.strip())
        if found is None or not 0 < int(found[3]) < 65536:
            raise ClusterError(
                f"{self.address!r} is not the address of a scheduler; expected HOST:PORT, such as 127.0.0.1:8786, "
                "tcp://HOST:PORT or tls://HOST:PORT."
            )
        files = {"--tls-ca": self.tls_ca, "--tls-cert": self.tls_cert, "--tls-key": self.tls_key}
        lacking = [flag for flag, file in files.items() if file is None]
        if found[1] == "tls" and len(lacking) == len(files):
            raise ClusterError(f"{self.address} is encrypted, which requires {', '.join(files)}; none was given.")
        if 0 < len(lacking) < len(files):
            raise ClusterError(f"TLS requires {', '.join(files)}; {' and '.join(lacking)} is missing.")
        if found[1] == "tcp" and not lacking:
            raise ClusterError(f"TLS files were given, but {self.address} is not encrypted; use tls://.")
        gone = [str(file) for file in files.values() if file is not None and not file.is_file()]
        if gone:
            raise ClusterError(f"{gone[0]} is no file; expected a PEM file for TLS.")

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS files are given."""
        return self.tls_ca is not None

    @property
    def url(self) -> str:
        """The address with its protocol."""
        address = self.address.strip()
        return address if "://" in address else f"{'tls' if self.is_encrypted else 'tcp'}://{address}"


@dataclass
class Sent:
    """A task that was sent, and the workers that may run it."""

    task: Any
    future: Any
    workers: tuple[str, ...]
    ended: Event


@dataclass
class Cluster:
    """The workers of a connected scheduler that have the versions of this process.

    Attributes
    ----------
    accepted, refused : dict of str to WorkerFacts, dict of str to str
        By address: workers that were seen and get tasks, also those that are gone; those that get none, and why.
    """

    client: Any
    accepted: dict[str, WorkerFacts] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def refresh(self) -> tuple[str, ...]:
        """Check workers that are new, and return the addresses of those that are there now and get tasks."""
        there = self._workers()
        new = [address for address in there if address not in self.accepted and address not in self.refused]
        if new:
            found = self.client.run(facts_here, workers=new, on_error="return")
            for address in new:
                self._check(address, found.get(address))
        return tuple(address for address in there if address in self.accepted)

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], tick: Callable[[], None]
    ) -> Generator[Result, None, None]:
        """Yield ``function(task)`` of all tasks in their order, computed by the workers.

        A bounded number of tasks is under way. Those of a worker that is lost are run by another one, also by one that
        joins later.

        Parameters
        ----------
        function : callable
            A function of a module, which workers import by name.
        tasks : iterable
        tick : callable
            Called about twice a second while waiting; what it raises ends the tasks.

        Raises
        ------
        ClusterError
            If the scheduler is lost, all workers are for a minute, or a task fails.
        """
        waiting, pending = iter(tasks), deque[Sent]()
        workers = self._some_workers(tick)
        try:
            while True:
                while len(pending) < _TASKS_PER_THREAD * max(1, self._n_threads(workers)):
                    task = next(waiting, _END)
                    if task is _END:
                        break
                    pending.append(self._sent(function, task, workers))
                if not pending:
                    return
                while not pending[0].ended.wait(_POLL_SECONDS):
                    tick()
                    workers = self._some_workers(tick)
                    self._send_again(function, pending, workers)
                yield self._result(function, pending.popleft(), tick)
                workers = self.refresh() or self._some_workers(tick)
        finally:
            self.cancel(pending)

    def n_threads(self, tick: Callable[[], None]) -> int:
        """Return how many tasks the workers that are there now run at once, >= 1; wait for one if there is none."""
        return max(1, self._n_threads(self._some_workers(tick)))

    def send(self, function: Callable[[Task], Any], task: Task, tick: Callable[[], None]) -> Sent:
        """Send one task; `ended` returns it when it has ended.

        Raises
        ------
        ClusterError
            If the scheduler is lost, or all workers are for a minute.
        """
        return self._sent(function, task, self._some_workers(tick))

    def ended(
        self, function: Callable[[Any], Any], sent: Iterable[Sent], tick: Callable[[], None]
    ) -> Iterator[tuple[Sent, Any]]:
        """Yield those of the tasks sent that have ended, with their results, and send lost ones again.

        Raises
        ------
        ClusterError
            If the scheduler is lost, all workers are for a minute, or a task failed.
        """
        under_way = list(sent)
        self._send_again(function, under_way, self._some_workers(tick))
        for each in under_way:
            if each.ended.is_set():
                yield each, self._result(function, each, tick)

    def cancel(self, sent: Iterable[Sent]) -> None:
        """Cancel tasks, also those that run."""
        with suppress(Exception):  # the connection may be gone
            self.client.cancel([each.future for each in sent], force=True)

    def _workers(self) -> dict[str, Any]:
        if self.client.status != "running":
            raise ClusterError(_LOST)
        try:
            return dict(self.client.scheduler_info(n_workers=-1)["workers"])
        except (OSError, KeyError, TypeError) as error:
            raise ClusterError(_LOST) from error

    def _n_threads(self, workers: Iterable[str]) -> int:
        there = self._workers()
        return sum(int(there[address]["nthreads"]) for address in workers if address in there)

    def _check(self, address: str, found: object) -> None:
        here = facts_here()
        if isinstance(found, WorkerFacts) and not (different := found.differences(here)):
            self.accepted[address] = found
        elif isinstance(found, WorkerFacts):
            self.refused[address] = f"it has {', '.join(different)}"
        elif isinstance(found, ImportError | AttributeError):
            self.refused[address] = f"it has no Coreset Studio {here.versions['Coreset Studio']}"
        # Others were lost while they were asked, or are asked again.

    def _some_workers(self, tick: Callable[[], None]) -> tuple[str, ...]:
        """Return the workers that get tasks; wait for one to join if there is none."""
        until = monotonic() + WITHOUT_WORKERS_SECONDS
        while not (workers := self.refresh()):
            if self.refused and not self.accepted:
                raise ClusterError(self.refused_sentence())
            if monotonic() > until:
                raise ClusterError(
                    f"The scheduler has had no worker for {WITHOUT_WORKERS_SECONDS:.0f} seconds. Start workers and run "
                    "again; what was computed is kept."
                )
            tick()
            sleep(_POLL_SECONDS)
        return workers

    def refused_sentence(self) -> str:
        """Return a sentence that names the workers that get no tasks; empty if there are none."""
        if not self.refused:
            return ""
        named = "; ".join(f"{address}: {why}" for address, why in sorted(self.refused.items())[:3])
        more = f"; and {len(self.refused) - 3:,} more" if len(self.refused) > 3 else ""
        n = len(self.refused)
        return (
            f"{n:,} worker{'s' * (n != 1)} with other versions than this computer {'were' if n != 1 else 'was'} "
            f"refused ({named}{more}). Install the same versions there."
        )

    def _sent(self, function: Callable[[Task], Result], task: Task, workers: tuple[str, ...]) -> Sent:
        future = self.client.submit(function, task, workers=list(workers), allow_other_workers=False, pure=False)
        ended = Event()
        future.add_done_callback(lambda _: ended.set())
        return Sent(task, future, workers, ended)

    def _send_again(self, function: Callable[[Any], Any], pending: Iterable[Sent], workers: tuple[str, ...]) -> None:
        """Send tasks again that are lost, or that only workers may run that are gone; Dask itself moves the others."""
        for each in pending:
            is_gone = each.future.status in ("cancelled", "lost")
            if is_gone or (not each.future.done() and not set(each.workers) & set(workers)):
                self.client.cancel([each.future], force=True)
                again = self._sent(function, each.task, workers)
                each.future, each.workers, each.ended = again.future, again.workers, again.ended

    def _result(self, function: Callable[[Any], Any], each: Sent, tick: Callable[[], None]) -> Any:
        """Return the result of a task that has ended; it is run again if its worker was lost before handing it over."""
        seconds = CONNECT_SECONDS
        while True:
            try:
                return self._fetched(each.future, seconds)
            except TimeoutError:
                tick()
                self._send_again(function, [each], self._some_workers(tick))
                # A large result of a slow network gets more time.
                seconds *= 2

    def _fetched(self, future: Any, seconds: float) -> Any:
        from distributed.scheduler import KilledWorker

        try:
            return future.result(timeout=seconds)
        except TimeoutError:
            raise
        except KilledWorker as error:
            raise ClusterError(
                "A task ended several workers that ran it, as if they had run out of memory. Give workers more "
                "memory, or run without the scheduler; what was computed is kept."
            ) from error
        except OSError as error:
            raise ClusterError(_LOST) from error
        except Exception as error:
            if future.status in ("cancelled", "lost"):
                raise TimeoutError from error  # its worker is gone, or the scheduler, which is noticed next
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ClusterError(f"A worker could not run a task ({type(error).__name__}: {reason[:300]}).") from error


_END: Any = object()
_LOST = "The connection to the scheduler was lost. Run again once it is there; what was computed is kept."
_ACTIVE: ContextVar[Cluster | None] = ContextVar("active cluster", default=None)


def active() -> Cluster | None:
    """Return the cluster that `connected` has made; None: everything is computed by this process."""
    return _ACTIVE.get()


def check_tls_files(scheduler: Scheduler) -> None:
    """Refuse TLS files that contain something else, or do not go together; nothing is connected.

    Raises
    ------
    ClusterError
    """
    ca, cert, key = scheduler.tls_ca, scheduler.tls_cert, scheduler.tls_key
    if ca is None or cert is None or key is None:
        return

    def trust(context: ssl.SSLContext) -> None:
        context.load_verify_locations(ca)

    def present(context: ssl.SSLContext) -> None:
        # Without a password, that of a protected key would be asked for in the terminal.
        context.load_cert_chain(cert, key, password="")

    steps = {
        f"{ca} is no certificate of an authority": trust,
        f"{cert} and {key} are no certificate and its key without a password": present,
    }
    for problem, step in steps.items():
        try:
            step(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        except (OSError, ValueError) as error:
            reason = " ".join(str(getattr(error, "reason", None) or error).split())
            raise ClusterError(f"{problem} ({reason}). Expected PEM files for TLS.") from error


@contextmanager
def connected(scheduler: Scheduler | None, *, seconds: float = CONNECT_SECONDS) -> Iterator[Cluster | None]:
    """Compute on the workers of a scheduler inside a ``with``; None: by this process, as without it.

    Raises
    ------
    ClusterError
        If Dask is not installed, the scheduler does not answer in `seconds`, or no worker has the versions of this
        process.
    """
    if scheduler is None:
        yield None
        return
    try:
        from distributed import Client
        from distributed.security import Security
    except ImportError as error:
        raise ClusterError(f"A scheduler requires Dask, which is not installed: {_INSTALL}.") from error

    security = Security()
    if scheduler.is_encrypted:
        check_tls_files(scheduler)
        files = {
            "tls_ca_file": scheduler.tls_ca,
            "tls_client_cert": scheduler.tls_cert,
            "tls_client_key": scheduler.tls_key,
        }
        security = Security(require_encryption=True, **{name: str(file) for name, file in files.items()})
    try:
        client = Client(scheduler.url, timeout=seconds, security=security, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"The scheduler at {scheduler.url} did not answer within {seconds:g} seconds. Check its address, that it "
            "runs, and that TLS files are given if it requires them."
        ) from error
    try:
        cluster = Cluster(client)
        if not cluster.refresh() and cluster.refused:
            raise ClusterError(cluster.refused_sentence())
        token = _ACTIVE.set(cluster)
        try:
            yield cluster
        finally:
            _ACTIVE.reset(token)
    finally:
        with suppress(Exception):
            client.close(timeout=2)
