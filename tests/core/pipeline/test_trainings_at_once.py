"""Several trainings at once, here and on a scheduler: the results of one at a time, to the bit."""

import os
import pickle
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from coreset_studio.core.cluster import Scheduler, connected
from coreset_studio.core.cluster.at_once import n_at_once, trained_at_once
from coreset_studio.core.cluster.local import local_cluster
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import CancelledError, SettingsError, TrainingError
from coreset_studio.core.memory import FreeMemory
from coreset_studio.core.output.model_bundle import load_bundle
from coreset_studio.core.pipeline import comparing, searching
from coreset_studio.core.pipeline.comparing import run_comparison
from coreset_studio.core.pipeline.searching import search_study
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import Comparison, Epoch, Note, RunResult
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    FeatureSettings,
    SearchSettings,
    Settings,
    TrainingSettings,
)
from coreset_studio.core.training import at_once
from coreset_studio.core.training.at_once import LocalTrainings, notes_on, trainings_elsewhere
from coreset_studio.core.training.jobs import TrainingReply
from coreset_studio.core.training.process import Published
from coreset_studio.core.training.runs import load_runs


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("at-once")


@pytest.fixture(scope="module")
def prepared(place: Path) -> Prepared:
    make_demo(place / "demo", n_images=90, side=48)
    comparison = ComparisonSettings(
        samplers=("random",), fractions=(0.5, 1.0), networks=("head", "custom"), repetitions=1, controls=False
    )
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        training=TrainingSettings(image_size=32, epochs=2, min_steps=4),
        comparison=comparison,
    )
    return prepare(Study(place / "demo", settings, place / "cache"))


@pytest.fixture(scope="module")
def alone(prepared: Prepared, place: Path) -> Comparison:
    """The comparison with one training at a time."""
    return run_comparison(prepared, place / "alone", keep_models=place / "models")


@pytest.fixture(scope="module")
def cluster(place: Path) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORESET_CACHE", str(place / "cache of workers"))
        with local_cluster(2) as running:
            yield running


class Listener:
    """Keeps what is published, and does something once, at a training's first epoch or report."""

    def __init__(self, what: Callable[[], None] | None = None, *, at: str = "epoch") -> None:
        self.what, self.at = what, at
        self.parts: list[object] = []
        self.shares: list[float] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        if message.startswith("Training custom network"):
            self.shares.append(done / total)
            self._now("report")

    def publish(self, part: object) -> None:
        self.parts.append(part)
        if isinstance(part, Epoch):
            self._now("epoch")

    def _now(self, at: str) -> None:
        if self.what is not None and self.at == at:
            what, self.what = self.what, None
            what()


def bits(comparison: Comparison) -> list[tuple[str, bytes, tuple[float, ...]]]:
    """What a run computed, to the bit, with its key."""
    return [
        (
            run.key.fingerprint,
            b"" if run.probabilities is None else run.probabilities.tobytes(),
            tuple(epoch.loss for epoch in run.history),
        )
        for run in comparison.runs
    ]


def epochs_of(listener: Listener) -> list[tuple[int, float]]:
    return [(part.number, part.loss) for part in listener.parts if isinstance(part, Epoch)]


def epochs_in(comparison: Comparison) -> list[tuple[int, float]]:
    return [(epoch.number, epoch.loss) for run in comparison.runs for epoch in run.history]


def sentences(comparison: Comparison) -> list[str]:
    """The sentences without times."""
    return [re.sub(r"Training takes \S+ % of the time", "", sentence) for sentence in comparison.sentences]


def children() -> set[int]:
    """Processes that train; another one of Python cleans up after them all."""
    found = psutil.Process().children(recursive=True)
    return {each.pid for each in found if "spawn_main" in " ".join(each.cmdline())}


class Backwards:
    """Trainings in this process, of which the one that was started last ends first."""

    def __init__(self, most: int = 2) -> None:
        self.most = most
        self.started: list[tuple[int, Any]] = []
        self.done: list[str] = []
        self.largest = 0

    def has_room(self, job: Any, tick: Any) -> bool:
        tick()
        return len(self.started) < self.most

    def start(self, number: int, job: Any, tick: Any) -> None:
        self.started.append((number, pickle.loads(pickle.dumps(job))))
        self.largest = max(self.largest, len(self.started))

    def events(self, tick: Any) -> list[tuple[int, Any]]:
        number, job = self.started.pop()
        self.done.append(job.key.fingerprint)
        parts: list[tuple[int, Any]] = []

        class Progress:
            def report(self, done: int, total: int, message: str = "") -> None:
                tick()

            def publish(self, part: object) -> None:
                parts.append((number, Published(part)))

        reply = job.run(Progress())
        return [*parts, (number, reply)]

    def notes(self) -> list[str]:
        return ["where they ran"]

    def close(self) -> None:
        self.started.clear()


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> Backwards:
    trainings = Backwards()

    @contextmanager
    def elsewhere() -> Iterator[Backwards]:
        yield trainings

    monkeypatch.setattr(comparing, "trainings_elsewhere", elsewhere)
    monkeypatch.setattr(searching, "trainings_elsewhere", elsewhere)
    return trainings


@pytest.mark.slow
def test_two_at_once_give_the_results_of_one_at_a_time(
    prepared: Prepared, alone: Comparison, place: Path, tmp_path: Path
) -> None:
    before, listener = children(), Listener()
    with trained_at_once(2):
        together = run_comparison(prepared, tmp_path / "runs", listener, keep_models=tmp_path / "models")
    assert bits(together) == bits(alone)
    assert sentences(together) == sentences(alone)
    assert children() <= before
    # Files have the same names, keys and fields; only times differ.
    stored, expected = load_runs(tmp_path / "runs").runs, load_runs(place / "alone").runs
    assert {run.key for run in stored} == {run.key for run in expected}
    assert {file.name for file in (tmp_path / "runs").glob("*.json")} == {
        file.name for file in (place / "alone").glob("*.json")
    }
    assert listener.shares == sorted(listener.shares)
    # What is published comes in the sequence of the plan, the epochs of a run before it.
    order = [(part.key.network, part.key.fingerprint) for part in listener.parts if isinstance(part, RunResult)]
    assert order == [(run.key.network, run.key.fingerprint) for run in alone.runs]
    assert epochs_of(listener) == epochs_in(alone)
    for folder in (place / "models").iterdir():
        one, other = load_bundle(folder), load_bundle(tmp_path / "models" / folder.name)
        for ours, theirs in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_processes_are_ended_if_it_is_cancelled(prepared: Prepared, tmp_path: Path) -> None:
    def stop() -> None:
        raise CancelledError

    before = children()
    with trained_at_once(2), pytest.raises(CancelledError):
        run_comparison(prepared, tmp_path, Listener(stop))
    assert children() <= before
    assert len(load_runs(tmp_path).runs) >= 2  # the probes come first


@pytest.mark.slow
def test_what_ends_first_is_kept_and_results_come_in_the_sequence_of_the_plan(
    prepared: Prepared, alone: Comparison, backwards: Backwards, tmp_path: Path
) -> None:
    """The last training that was started ends first; its run is stored then, and is published after the others."""
    listener = Listener()
    original, stored = backwards.events, []

    def stopped(tick: Any) -> list[tuple[int, Any]]:
        stored.append({run.key.fingerprint for run in load_runs(tmp_path).runs})
        if len(stored) == 2:
            raise CancelledError
        return original(tick)

    backwards.events = stopped  # type: ignore[method-assign]
    with pytest.raises(CancelledError):
        run_comparison(prepared, tmp_path, listener)
    assert backwards.largest == 2
    (first,) = backwards.done
    assert first == alone.runs[-1].key.fingerprint
    assert first in stored[-1] - stored[0]
    assert [part.key.fingerprint for part in listener.parts if isinstance(part, RunResult)] == [
        run.key.fingerprint for run in alone.runs[:2]
    ]
    backwards.events = original  # type: ignore[method-assign]
    backwards.started.clear()
    listener = Listener()
    found = run_comparison(prepared, tmp_path, listener)
    assert bits(found) == bits(alone)
    assert backwards.done == [first, alone.runs[-2].key.fingerprint], "a stored run is not trained again"
    assert epochs_of(listener) == [(epoch.number, epoch.loss) for epoch in alone.runs[-2].history]
    assert found.sentences[-1] == "where they ran"


@pytest.mark.slow
def test_the_same_training_is_not_run_twice_at_once(prepared: Prepared, backwards: Backwards, tmp_path: Path) -> None:
    """With a fraction of 0.999 both samplers take the whole pool, so that all rows are the same training."""
    comparison = replace(
        prepared.study.settings.comparison, networks=("custom",), samplers=("random", "stratified"), fractions=(0.999,)
    )
    study = replace(prepared.study, settings=replace(prepared.study.settings, comparison=comparison))
    found = run_comparison(replace(prepared, study=study), tmp_path)
    assert len(found.runs) == 2
    assert len({run.key.fingerprint for run in found.runs}) == len(backwards.done) == 1


@pytest.mark.slow
def test_a_grid_is_searched_at_once_with_the_same_trials(
    place: Path, prepared: Prepared, backwards: Backwards, tmp_path: Path
) -> None:
    search = SearchSettings(
        method="grid", network="custom", learning_rates=(0.001, 0.002), dropouts=(0.0,), epoch_counts=(1,),
        with_pool=True,
    )  # fmt: skip
    study = replace(prepared.study, settings=replace(prepared.study.settings, search=search))
    together = search_study(study, tmp_path / "together")
    assert backwards.largest == 2
    assert len(backwards.done) == 4
    backwards.most = 1
    alone = search_study(study, tmp_path / "alone")

    def values(found: Any) -> list[tuple[Any, float, float]]:
        return [(trial.values, trial.coreset.accuracy, trial.pool.accuracy) for trial in found.trials]

    assert values(together) == values(alone)
    runs = [load_runs(tmp_path / each / "runs").runs for each in ("together", "alone")]
    one, other = ({run.key.fingerprint: run.predicted.tobytes() for run in each} for each in runs)
    assert one == other


@pytest.mark.slow
def test_a_process_that_is_killed_is_named(prepared: Prepared, tmp_path: Path) -> None:
    def kill() -> None:
        for pid in children() - before:
            os.kill(pid, signal.SIGKILL)

    before = children()
    with trained_at_once(2), pytest.raises(TrainingError, match=r"training process .* run the comparison again"):
        run_comparison(prepared, tmp_path, Listener(kill))


@pytest.mark.slow
def test_an_image_that_is_lost_is_left_out_of_all(
    backwards: Backwards, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_demo(tmp_path / "demo", n_images=90, side=48)
    comparison = ComparisonSettings(
        samplers=("random",), fractions=(0.5, 1.0), networks=("custom",), repetitions=1, controls=False
    )
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        training=TrainingSettings(image_size=32, epochs=1, min_steps=2),
        comparison=comparison,
    )
    found = prepare(Study(tmp_path / "demo", settings, tmp_path / "cache"))
    lost = found.dataset.images[int(found.split.test[0])].path
    (tmp_path / "demo" / lost).write_bytes(b"")
    listener = Listener()
    together = run_comparison(found, tmp_path / "together", listener)
    assert backwards.largest == 2
    notes = [part.sentence for part in listener.parts if isinstance(part, Note) and lost in part.sentence]
    assert len(notes) == 1
    monkeypatch.setattr(comparing, "trainings_elsewhere", at_once.trainings_elsewhere)
    one_by_one = run_comparison(found, tmp_path / "alone")
    assert bits(together) == bits(one_by_one)
    assert sentences(together) == [*sentences(one_by_one), "where they ran"]


@pytest.mark.slow
def test_the_workers_of_a_scheduler_give_the_results_of_this_process(
    prepared: Prepared, alone: Comparison, place: Path, cluster: Any, tmp_path: Path
) -> None:
    listener = Listener()
    with connected(Scheduler(cluster.scheduler_address)):
        there = run_comparison(prepared, tmp_path / "runs", listener, keep_models=tmp_path / "models")
    assert bits(there) == bits(alone)
    assert sentences(there) == sentences(alone)
    assert {run.key for run in load_runs(tmp_path / "runs").runs} == {run.key for run in alone.runs}
    assert epochs_of(listener) == epochs_in(alone)
    assert any(0.01 < share < 0.99 for share in listener.shares)
    names = {folder.name for folder in (place / "models").iterdir()}
    assert names
    assert names == {folder.name for folder in (tmp_path / "models").iterdir()}


@pytest.mark.slow
def test_a_training_on_a_worker_that_is_killed_is_run_by_another_one(
    prepared: Prepared, alone: Comparison, cluster: Any, tmp_path: Path
) -> None:
    with connected(Scheduler(cluster.scheduler_address)) as there:
        assert there is not None
        victim = next(iter(dict(there.client.run(os.getpid)).values()))
        family = psutil.Process(victim).children(recursive=True)
        listener = Listener(lambda: os.kill(victim, signal.SIGKILL))
        found = run_comparison(prepared, tmp_path, listener)
    assert listener.what is None
    assert bits(found) == bits(alone)
    psutil.wait_procs(family, timeout=10)
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family)


@pytest.mark.slow
def test_a_cancelled_comparison_ends_the_trainings_of_workers(prepared: Prepared, cluster: Any, tmp_path: Path) -> None:
    def stop() -> None:
        raise CancelledError

    training = replace(prepared.study.settings.training, epochs=400)
    study = replace(prepared.study, settings=replace(prepared.study.settings, training=training))
    with connected(Scheduler(cluster.scheduler_address)) as there:
        assert there is not None
        with pytest.raises(CancelledError):
            run_comparison(replace(prepared, study=study), tmp_path, Listener(stop))
        # A worker without a training answers at once; one that went on would take minutes.
        assert there.client.submit(sum, [1, 2], pure=False).result(timeout=30) == 3
        for _ in range(100):
            working = [each for each in there.client.processing().values() if each]
            if not working:
                break
            there.client.submit(sum, [1], pure=False).result(timeout=30)
        assert not working


def test_memory_limits_how_many_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second training starts if both fit into the memory that was free before the first one."""
    made: list[Any] = []

    class Process:
        def __init__(self, environment: Any, events: Any) -> None:
            self.events = events
            made.append(self)

        def start(self, job: Any) -> None:
            pass

        def close(self) -> None:
            made.remove(self)

    class Job:
        network = "custom"

    def nothing() -> None:
        pass

    monkeypatch.setattr(at_once, "TrainingProcess", Process)
    monkeypatch.setattr(at_once, "_bytes_of", lambda _: 400)
    monkeypatch.setattr(at_once, "free_memory", lambda: FreeMemory(1000))
    job: Any = Job()
    trainings = LocalTrainings(3)
    for number in range(2):
        assert trainings.has_room(None, nothing)
        assert trainings.has_room(job, nothing)
        trainings.start(number, job, nothing)
    assert trainings.has_room(None, nothing)
    assert not trainings.has_room(job, nothing)
    first = made[0]
    first.events.put((first, TrainingReply(error="x", kind="TrainingError")))
    ((number, reply),) = trainings.events(nothing)
    assert (number, reply) == (0, TrainingReply(error="x", kind="TrainingError"))
    assert trainings.has_room(job, nothing)
    trainings.start(2, job, nothing)
    assert len(made) == 2, "an idle process is used again"
    trainings.close()
    assert made == []


def test_errors_of_a_training_arrive_as_they_were() -> None:
    with pytest.raises(TrainingError, match="no such network"):
        TrainingReply(error="There is no such network.", kind="TrainingError").checked()
    with pytest.raises(TrainingError, match="odd"):
        TrainingReply(error="odd", kind="NoSuchError").checked()


def test_numbers_of_trainings_at_once_are_checked() -> None:
    with (
        pytest.raises(SettingsError, match="0 trainings at once are set; expected a number of at least 1"),
        trained_at_once(0),
    ):
        pass
    with trained_at_once(3):
        assert n_at_once() == 3
    assert n_at_once() == 1


def test_one_at_a_time_is_trained_in_this_process(prepared: Prepared, tmp_path: Path) -> None:
    comparison = replace(prepared.study.settings.comparison, networks=("head",), repetitions=1)
    study = replace(prepared.study, settings=replace(prepared.study.settings, comparison=comparison))
    before = children()
    with trained_at_once(1):
        found = run_comparison(replace(prepared, study=study), tmp_path, NO_PROGRESS)
    assert len(found.runs) == 2
    assert children() <= before


def test_with_a_gpu_they_run_one_at_a_time_which_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "has_gpu", lambda: True)
    with trained_at_once(2), trainings_elsewhere() as elsewhere:
        assert elsewhere is None
        (note,) = notes_on(elsewhere)
    assert note == "Networks were trained one at a time, since each training takes the memory of the GPU."
    with trainings_elsewhere() as elsewhere:
        assert notes_on(elsewhere) == []
