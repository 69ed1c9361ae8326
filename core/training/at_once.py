"""Several trainings at once: in processes of this computer, or on the workers of a scheduler.

Each training runs with the number of threads that one training at a time would have here, since the last digits of
its weights depend on it. How many run at once therefore changes the time, and not the results.
"""

import pickle
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import uuid4

from coreset_studio.core.cluster import Cluster, Sent, WorkerFacts, active, facts_here
from coreset_studio.core.cluster.at_once import n_at_once
from coreset_studio.core.endings import process_died
from coreset_studio.core.errors import ClusterError, TrainingError
from coreset_studio.core.estimate import TENSORFLOW_BYTES
from coreset_studio.core.memory import free_memory
from coreset_studio.core.threads import thread_settings
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.device import has_gpu
from coreset_studio.core.training.fitting import bytes_of
from coreset_studio.core.training.jobs import TrainingJob, TrainingReply
from coreset_studio.core.training.process import Ended, Published, Reported, TrainingProcess

WAIT_SECONDS, IDLE_SECONDS = 0.5, 30.0

Event = Reported | Published | TrainingReply


class Trainings(Protocol):
    """Trainings that run elsewhere, by a number that the caller gives them."""

    def has_room(self, job: TrainingJob | None, tick: Callable[[], None]) -> bool:
        """Whether another training may start now; None: one whose size is not known yet."""

    def start(self, number: int, job: TrainingJob, tick: Callable[[], None]) -> None:
        """Start a training."""

    def events(self, tick: Callable[[], None]) -> list[tuple[int, Event]]:
        """Wait for a moment, and return what has arrived; a reply is the last event of its training."""

    def notes(self) -> list[str]:
        """Return sentences on where trainings ran, for the results."""

    def close(self) -> None:
        """End all trainings."""


@contextmanager
def trainings_elsewhere() -> Iterator[Trainings | None]:
    """Hand out where trainings run; None: in this process, one at a time."""
    cluster, n = active(), n_at_once()
    if cluster is None and (n == 1 or has_gpu()):
        yield None
        return
    trainings: Trainings = LocalTrainings(n) if cluster is None else ClusterTrainings(cluster)
    try:
        yield trainings
    finally:
        trainings.close()


def notes_on(elsewhere: Trainings | None) -> list[str]:
    """Return sentences on where the trainings of a comparison ran, for its results; None: in this process."""
    if elsewhere is not None:
        return elsewhere.notes()
    if n_at_once() == 1:
        return []
    return ["Networks were trained one at a time, since each training takes the memory of the GPU."]


class LocalTrainings:
    """Trainings in processes of this computer, which are started when they are required.

    Parameters
    ----------
    most : int
        >= 1; fewer run at once if they would not fit into the memory that was free when the first one started.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._queue: queue.SimpleQueue[tuple[TrainingProcess, object]] = queue.SimpleQueue()
        self._idle: list[TrainingProcess] = []
        self._at_work: dict[TrainingProcess, int] = {}
        self._needs: dict[int, int] = {}
        self._free = 0

    def has_room(self, job: TrainingJob | None, tick: Callable[[], None]) -> bool:
        """Whether another training may start now; one alone always may, and states itself if memory is short."""
        tick()
        if not self._at_work:
            return True
        if len(self._at_work) >= self._most:
            return False
        return job is None or sum(self._needs.values()) + _bytes_of(job) <= self._free

    def start(self, number: int, job: TrainingJob, tick: Callable[[], None]) -> None:  # noqa: ARG002
        """Start a training in a process that is idle, or in a new one."""
        if not self._at_work:
            self._free = free_memory().n_bytes
        process = self._idle.pop() if self._idle else TrainingProcess(thread_settings(), self._queue)
        self._at_work[process] = number
        self._needs[number] = _bytes_of(job)
        process.start(job)

    def events(self, tick: Callable[[], None]) -> list[tuple[int, Event]]:
        """Return what has arrived.

        Raises
        ------
        TrainingError
            If a process ended by itself.
        """
        tick()
        found: list[tuple[int, Event]] = []
        wait = WAIT_SECONDS
        while True:
            try:
                process, event = self._queue.get(timeout=wait)
            except queue.Empty:
                return found
            wait = 0.0
            number = self._at_work.get(process)
            if isinstance(event, Ended):
                self._idle = [each for each in self._idle if each is not process]
                if number is not None:
                    raise TrainingError(process_died(event.exit_code, what="training process", again="comparison"))
            elif number is not None and isinstance(event, Reported | Published | TrainingReply):
                if isinstance(event, TrainingReply):
                    del self._at_work[process], self._needs[number]
                    self._idle.append(process)
                found.append((number, event))

    def notes(self) -> list[str]:
        """Return nothing: all ran here."""
        return []

    def close(self) -> None:
        """End all processes."""
        for process in (*self._at_work, *self._idle):
            process.close()
        self._at_work.clear()
        self._idle.clear()


def _bytes_of(job: TrainingJob) -> int:
    return TENSORFLOW_BYTES + (bytes_of(NETWORKS[job.network], job.task) if job.network in NETWORKS else 0)


# --- on a scheduler ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClusterTask:
    """A training as a worker receives it.

    Attributes
    ----------
    number : int
    topic : str
        The topic of Dask that its events are sent under.
    job : TrainingJob
    environment : mapping of str to str
        Numbers of threads, those of the computer that gives the command.
    """

    number: int
    topic: str
    job: TrainingJob
    environment: Mapping[str, str] = field(default_factory=thread_settings)


@dataclass(frozen=True)
class ClusterReply:
    """The reply of a training, and the worker that ran it."""

    reply: TrainingReply
    facts: WorkerFacts


class ClusterTrainings:
    """Trainings on the workers of a scheduler, one for each of their threads of Dask.

    Parameters
    ----------
    cluster : Cluster
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._topic = f"coreset-training-{uuid4().hex}"
        self._sent: dict[int, Sent] = {}
        self._queue: queue.SimpleQueue[tuple[int, Event]] = queue.SimpleQueue()
        self._others: dict[str, int] = {}
        self._subscribed = True
        cluster.client.subscribe_topic(self._topic, self._take)

    def has_room(self, job: TrainingJob | None, tick: Callable[[], None]) -> bool:  # noqa: ARG002
        """Whether a worker has a thread without a training; workers check their memory themselves."""
        tick()
        return len(self._sent) < self._cluster.n_threads(tick)

    def start(self, number: int, job: TrainingJob, tick: Callable[[], None]) -> None:
        """Send a training."""
        task = ClusterTask(number, self._topic, replace(job, uses_own_cache=True))
        with warnings.catch_warnings():
            # Dask advises other ways of sending lists of images of many megabytes, which do not survive lost workers.
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            self._sent[number] = self._cluster.send(train_on_worker, task, tick)

    def events(self, tick: Callable[[], None]) -> list[tuple[int, Event]]:
        """Return what has arrived; trainings of lost workers are sent again.

        Raises
        ------
        ClusterError
            If the scheduler is lost, all workers are for a minute, or a worker cannot run a training.
        """
        tick()
        found: list[tuple[int, Event]] = []
        wait = WAIT_SECONDS
        while True:
            try:
                found.append(self._queue.get(timeout=wait))
            except queue.Empty:
                break
            wait = 0.0
        for sent, answer in list(self._cluster.ended(train_on_worker, self._sent.values(), tick)):
            number = sent.task.number
            del self._sent[number]
            found.append((number, self._counted(answer)))
        return [(number, event) for number, event in found if number in self._sent or isinstance(event, TrainingReply)]

    def notes(self) -> list[str]:
        """Return a sentence for each processor other than that of this computer."""
        here = facts_here().processor
        return [
            f"{n:,} training{'s' * (n != 1)} ran on another processor ({processor}; here {here}), where sums can "
            "differ in their last digits, which training amplifies: repeated here, the results can differ."
            for processor, n in sorted(self._others.items())
        ]

    def close(self) -> None:
        """Cancel all trainings; workers end those that run."""
        self._cluster.cancel(self._sent.values())
        self._sent.clear()
        if self._subscribed:
            self._subscribed = False
            try:
                self._cluster.client.unsubscribe_topic(self._topic)
            except Exception:  # the connection may be gone
                return

    def _counted(self, answer: ClusterReply) -> TrainingReply:
        processor = answer.facts.processor
        if processor != facts_here().processor:
            self._others[processor] = self._others.get(processor, 0) + 1
        return answer.reply

    def _take(self, event: tuple[Any, Any]) -> None:
        """Take an event of a worker; called by the thread of the client."""
        _, message = event
        self._queue.put((int(message["number"]), pickle.loads(message["event"])))  # noqa: S301 - trusted network


def train_on_worker(task: ClusterTask) -> ClusterReply:
    """Run a training in a process of a worker, until it is finished or cancelled."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    process, events = _borrowed(task.environment)
    is_free = False
    try:
        process.start(task.job)
        while True:
            try:
                _, event = events.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                event = None
            if isinstance(event, TrainingReply):
                is_free = True
                return ClusterReply(event, facts_here())
            if isinstance(event, Ended):
                # As if the worker itself had been lost with it: Dask counts neither, so that it is told at once.
                raise ClusterError(process_died(event.exit_code, what="training process", again="comparison"))
            state = worker.state.tasks.get(key)
            if state is None or state.state == "cancelled":
                raise ClusterError("The training was cancelled.")
            if event is not None:
                worker.log_event(task.topic, {"number": task.number, "event": pickle.dumps(event)})
    finally:
        if is_free:
            _give_back(task.environment, process, events)
        else:
            process.close()


_Events = queue.SimpleQueue[tuple[TrainingProcess, object]]
_LOCK = threading.Lock()
_FREE: list[tuple[Mapping[str, str], TrainingProcess, _Events, float]] = []
"""Processes of this worker without a training, which starting anew would take seconds, and since when."""


def _borrowed(environment: Mapping[str, str]) -> tuple[TrainingProcess, _Events]:
    with _LOCK:
        for place, (of, process, events, _) in enumerate(_FREE):
            if of == environment and events.empty():
                del _FREE[place]
                return process, events
    events = queue.SimpleQueue()
    return TrainingProcess(environment, events), events


def _give_back(environment: Mapping[str, str], process: TrainingProcess, events: _Events) -> None:
    with _LOCK:
        _FREE.append((environment, process, events, time.monotonic()))
    timer = threading.Timer(IDLE_SECONDS + 1, _end_idle)
    timer.daemon = True
    timer.start()


def _end_idle() -> None:
    """End processes that had no training for a while, whose memory others need."""
    until = time.monotonic() - IDLE_SECONDS
    with _LOCK:
        old = [each for each in _FREE if each[3] < until]
        _FREE[:] = [each for each in _FREE if each[3] >= until]
    for _, process, _, _ in old:
        process.close()
