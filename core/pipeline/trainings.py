"""The trainings of a plan, one at a time or several at once; their results come in the order of the plan."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from coreset_studio.core.cache import check_mapped
from coreset_studio.core.errors import LostImagesError
from coreset_studio.core.pipeline.comparison_progress import remember_training
from coreset_studio.core.pipeline.planning import PlannedRun
from coreset_studio.core.pipeline.run_keys import backbone_choice
from coreset_studio.core.pipeline.split_parts import SplitPart
from coreset_studio.core.progress import PartProgress, Publisher
from coreset_studio.core.results import Epoch, Note, RunResult
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.at_once import Trainings
from coreset_studio.core.training.fitting import Places, Seen, TrainedRun, TrainingTask
from coreset_studio.core.training.jobs import TrainingJob, TrainingReply
from coreset_studio.core.training.network import BackboneChoice
from coreset_studio.core.training.process import Published, Reported
from coreset_studio.core.training.runs import save_run

ProgressOf = Callable[[Publisher[Epoch | Note], int, "Wanted"], Publisher[Epoch | Note]]
TrainOrFind = Callable[[SplitPart, PlannedRun, Publisher[Epoch | Note]], tuple[RunResult, TrainedRun | None]]


@dataclass(frozen=True)
class Wanted:
    """A training of a plan.

    Attributes
    ----------
    part : SplitPart
    planned : PlannedRun
    keeps_model : bool
        Whether its network is required afterwards.
    """

    part: SplitPart
    planned: PlannedRun
    keeps_model: bool = False


@dataclass(frozen=True)
class Finished:
    """A training that is finished, or was found.

    Attributes
    ----------
    wanted : Wanted
    run : RunResult
        As it is stored.
    result : RunResult
        As it was asked for; see `SplitPart.as_planned`.
    trained : TrainedRun or None
        None for a run that was stored before.
    progress : Publisher
        That of the training.
    """

    wanted: Wanted
    run: RunResult
    result: RunResult
    trained: TrainedRun | None
    progress: Publisher[Epoch | Note]

    @classmethod
    def of(
        cls, wanted: Wanted, run: RunResult, trained: TrainedRun | None, progress: Publisher[Epoch | Note]
    ) -> "Finished":
        """Return a finished training, evaluated as it was asked for."""
        part, planned = wanted.part, wanted.planned
        return cls(wanted, run, part.as_planned(run, planned, part.key(planned)), trained, progress)


def task_of(part: SplitPart, planned: PlannedRun) -> tuple[TrainingTask, BackboneChoice | None]:
    """Return the data of a planned run, and the backbone that its network uses.

    Raises
    ------
    TrainingError
        If it has no images left to train on.
    CacheError
        If another program has cut a file of the cache short since the study was prepared.
    """
    check_mapped()
    part.check(planned)
    _coreset, _indices, seconds = part.selections.get(planned)
    prepared, probe_input = part.prepared, part.probe_input_for(planned)
    study = prepared.study
    choice = backbone_choice(study, NETWORKS[planned.network])
    task = TrainingTask(
        prepared.dataset,
        part.split,
        part.indices(planned),
        study.settings.training,
        seed=planned.seed,
        seen=Seen(probe_input.embedding, probe_input.strength, probe_input.extracted.weights) if probe_input else None,
        places=Places(study.cache_folder, choice.weights_file if choice else None),
        cluster_of_test=part.of_test,
        select_seconds=seconds,
        teacher=part.teaching.teacher() if part.is_taught(planned) else None,
    )
    return task, choice


@dataclass
class _Entry:
    """A training of the plan whose result was not handed out yet."""

    number: int
    wanted: Wanted
    slot: "_Slot"
    progress: Publisher[Epoch | Note]
    fingerprint: str = ""
    is_at_work: bool = False
    waits_for_room: bool = False
    epochs: list[Epoch] = field(default_factory=list)
    finished: Finished | None = None


class _Slot:
    """The part of one training in the progress of several, and the last message of it."""

    def __init__(self, parent: Publisher[Epoch | Note]) -> None:
        self._parent = parent
        self.start: float | None = None
        self.share, self.message = 0.0, ""

    def report(self, done: int, total: int, message: str = "") -> None:
        """Keep a report, which counts in the whole."""
        now = done / total if total > 0 else 0.0
        self.start = now if self.start is None else self.start
        self.share, self.message = now - self.start, message

    def publish(self, part: Epoch | Note, /) -> None:
        """Publish a part."""
        self._parent.publish(part)


class PlannedTrainings:
    """The trainings of a plan that run elsewhere, several at once.

    Parameters
    ----------
    elsewhere : Trainings
    stored : dict of str to RunResult
        Finished runs by fingerprint; new ones are added.
    runs_folder : Path
        New runs are saved there when they finish.
    train_or_find : callable
        Trains in this process: for networks that see embeddings, which are larger to send than long to train.
    progress_of : callable
        From a progress, the number of a training in the plan and the training to its progress.
    progress : Publisher
    """

    def __init__(
        self,
        elsewhere: Trainings,
        stored: dict[str, RunResult],
        runs_folder: Path,
        train_or_find: TrainOrFind,
        progress_of: ProgressOf,
        progress: Publisher[Epoch | Note],
    ) -> None:
        self._elsewhere, self._stored, self._runs_folder = elsewhere, stored, runs_folder
        self._train_or_find, self._progress_of, self._progress = train_or_find, progress_of, progress
        self._entries: deque[_Entry] = deque()
        self._by_number: dict[int, _Entry] = {}
        self._done_share = 0.0

    def results(self, plan: Iterable[Wanted]) -> Iterator[Finished]:
        """Yield all results in the order of the plan, which is read on while trainings run.

        Raises
        ------
        CoresetError
            The first error of a training; those that run are ended by whoever made `elsewhere`.
        """
        waiting, is_read = iter(plan), False
        n_read = 0
        while True:
            self._start_waiting()
            while not is_read and self._may_read_on():
                wanted = next(waiting, None)
                if wanted is None:
                    is_read = True
                    break
                self._add(n_read, wanted)
                n_read += 1
            while self._entries and (finished := self._entries[0].finished) is not None:
                entry = self._entries.popleft()
                self._publish_epochs(entry)
                self._done_share += entry.slot.share
                yield finished
                if self._entries:
                    self._publish_epochs(self._entries[0])
            if is_read and not self._entries:
                return
            if any(entry.is_at_work for entry in self._entries):
                for number, event in self._elsewhere.events(self._tick):
                    self._take(self._by_number[number], event)
                self._tick()

    def _tick(self) -> None:
        """Report how much of all is done; raises `CancelledError` if the user cancelled."""
        at_work = [entry for entry in self._entries if entry.is_at_work]
        if not at_work:
            return
        share = self._done_share + sum(entry.slot.share for entry in self._entries)
        first, others = at_work[0], len(at_work) - 1
        message, _, unit = first.slot.message.partition(": ")
        more = f" and {others} more" if others else ""
        resolution = PartProgress.RESOLUTION
        done = min(resolution, round(share * resolution))
        self._progress.report(done, resolution, f"{message}{more}: {unit}" if unit else f"{message}{more}")

    def _may_read_on(self) -> bool:
        if any(entry.waits_for_room for entry in self._entries):
            return False
        return self._elsewhere.has_room(None, self._tick)

    def _add(self, number: int, wanted: Wanted) -> None:
        slot = _Slot(self._progress)
        progress = self._progress_of(slot, number, wanted)
        progress.report(0, 1)
        entry = _Entry(number, wanted, slot, progress)
        self._entries.append(entry)
        self._by_number[number] = entry
        self._start(entry)

    def _start_waiting(self) -> None:
        for entry in list(self._entries):
            if entry.finished is None and not entry.is_at_work:
                self._start(entry)

    def _start(self, entry: _Entry) -> None:
        """Find a run, or start its training, unless the same one is under way or there is no room."""
        part, planned = entry.wanted.part, entry.wanted.planned
        entry.waits_for_room = False
        entry.fingerprint = part.key(planned).fingerprint
        known = self._stored.get(entry.fingerprint)
        if known is not None:
            self._finish(entry, known, None)
            return
        if any(other.is_at_work and other.fingerprint == entry.fingerprint for other in self._entries):
            return
        if NETWORKS[planned.network].sees_embeddings:
            run, trained = self._train_or_find(part, planned, entry.progress)
            self._keep(run)
            self._finish(entry, run, trained)
            return
        task, choice = task_of(part, planned)
        job = TrainingJob.of(planned.network, task, part.key(planned), choice, keeps_model=entry.wanted.keeps_model)
        if not self._elsewhere.has_room(job, self._tick):
            entry.waits_for_room = True
            return
        entry.epochs.clear()
        entry.is_at_work = True
        self._elsewhere.start(entry.number, job, self._tick)

    def _take(self, entry: _Entry, event: object) -> None:
        if isinstance(event, Reported):
            entry.progress.report(event.done, event.total)
        elif isinstance(event, Published) and isinstance(event.part, Epoch):
            entry.epochs.append(event.part)
            if entry is self._entries[0]:
                self._publish_epochs(entry)
        elif isinstance(event, TrainingReply):
            entry.is_at_work = False
            self._take_reply(entry, event)

    def _take_reply(self, entry: _Entry, reply: TrainingReply) -> None:
        part, planned = entry.wanted.part, entry.wanted.planned
        try:
            run = reply.checked()
        except LostImagesError as error:
            # Another training may have found the same images before; then this one is only repeated without them.
            if any(index not in part.lost for index in error.reasons) or part.key(planned).fingerprint == (
                entry.fingerprint
            ):
                self._progress.publish(Note(part.lose(error)))
            return
        self._keep(run)
        if part.key(planned).fingerprint == entry.fingerprint:
            self._finish(entry, run, TrainedRun(run, reply.unpacked()))
        # Otherwise images were lost meanwhile that it was tested on: it is repeated without them.

    def _keep(self, run: RunResult) -> None:
        self._stored[run.key.fingerprint] = run
        save_run(run, self._runs_folder)

    def _finish(self, entry: _Entry, run: RunResult, trained: TrainedRun | None) -> None:
        entry.progress.report(1, 1)
        entry.finished = Finished.of(entry.wanted, run, trained, entry.progress)

    def _publish_epochs(self, entry: _Entry) -> None:
        """Publish the epochs of the first training that is not finished, so that those of several are not mixed."""
        for epoch in entry.epochs:
            self._progress.publish(epoch)
        entry.epochs.clear()


def trained_in_order(
    plan: Iterable[Wanted],
    elsewhere: Trainings | None,
    stored: dict[str, RunResult],
    runs_folder: Path,
    train_or_find: TrainOrFind,
    progress_of: ProgressOf,
    progress: Publisher[Epoch | Note],
) -> Iterator[Finished]:
    """Yield all results in the order of the plan, trained elsewhere, or else in this process when they are asked for.

    New runs are saved when they finish. The time of a training is stored for estimates only if it ran alone.

    Parameters
    ----------
    plan : iterable of Wanted
    elsewhere : Trainings or None
    stored, runs_folder, train_or_find, progress_of, progress
        See `PlannedTrainings`.
    """
    if elsewhere is not None:
        planned = PlannedTrainings(elsewhere, stored, runs_folder, train_or_find, progress_of, progress)
        yield from planned.results(plan)
        return
    for number, wanted in enumerate(plan):
        step = progress_of(progress, number, wanted)
        started = time.perf_counter()
        run, trained = train_or_find(wanted.part, wanted.planned, step)
        finished = Finished.of(wanted, run, trained, step)
        if trained is not None:
            stored[run.key.fingerprint] = run
            save_run(run, runs_folder)
            remember_training(wanted.part.prepared, run, time.perf_counter() - started - run.feature_seconds)
        yield finished
