"""A scheduler with two worker processes: the same features to the bit, lost workers, other versions, errors."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image as PillowImage

from coreset_studio.core.cluster import Cluster, Scheduler, WorkerFacts, connected, facts_here
from coreset_studio.core.cluster.local import local_cluster
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.errors import CancelledError, ClusterError
from coreset_studio.core.features import distributed
from coreset_studio.core.features.extraction import Extracted, extract
from coreset_studio.core.results import Dataset

pytest.importorskip("distributed")

NAME = "colour-texture"
N_IMAGES = 600


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("images")
    for number in range(N_IMAGES):
        file = folder / ("a", "b")[number % 2] / f"{number:03d}.png"
        file.parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (24, 20, 3), dtype=np.uint8)
        PillowImage.fromarray(pixels).save(file)
    return scan(folder, cache_folder=tmp_path_factory.mktemp("scans"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with local_cluster(2) as running:
        yield running


def rows_of(extracted: Extracted) -> bytes:
    indices = np.arange(len(extracted.dataset.images))
    return b"".join(extracted.rows(block, indices).tobytes() for block in extracted.block_names)


class During:
    """A progress that does something once, after a number of images."""

    def __init__(self, images: int, what: Any) -> None:
        self.images, self.what = images, what

    def report(self, done: int, total: int, message: str = "") -> None:
        if self.what is not None and done >= self.images:
            what, self.what = self.what, None
            what()

    def publish(self, part: object) -> None:
        raise AssertionError(part)


@pytest.mark.slow
def test_a_local_cluster_listens_on_this_computer_alone(cluster: Any) -> None:
    with connected(Scheduler(cluster.scheduler_address)) as there:
        assert there is not None
        pids = [os.getpid(), *dict(there.client.run(os.getpid)).values(), *dict(there.client.run(os.getppid)).values()]
    listening = {
        each.laddr.ip
        for pid in pids
        for each in psutil.Process(pid).net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


@pytest.mark.slow
def test_two_workers_give_the_features_of_one_process_to_the_bit(
    dataset: Dataset, cluster: Any, tmp_path: Path
) -> None:
    alone = extract(dataset, NAME, cache_folder=tmp_path / "alone")
    with connected(Scheduler(cluster.scheduler_address)) as there:
        assert there is not None
        together = extract(dataset, NAME, cache_folder=tmp_path / "together")
    assert together.n_computed == N_IMAGES
    assert together.notes == ()
    assert rows_of(together) == rows_of(alone)
    assert together.fingerprint == alone.fingerprint
    assert together.workers == (facts_here(),) or [each.processor for each in together.workers] == [
        facts_here().processor
    ]
    assert alone.workers == ()


@pytest.mark.slow
def test_a_worker_that_is_killed_at_work_loses_nothing(dataset: Dataset, cluster: Any, tmp_path: Path) -> None:
    alone = extract(dataset, NAME, cache_folder=tmp_path / "alone")
    with connected(Scheduler(cluster.scheduler_address)) as there:
        assert there is not None
        pids = dict(there.client.run(os.getpid))
        victim = next(iter(pids.values()))
        progress = During(1, lambda: os.kill(victim, signal.SIGKILL))
        together = extract(dataset, NAME, cache_folder=tmp_path / "together", progress=progress)
    assert progress.what is None
    assert together.n_computed == N_IMAGES
    assert together.failed == ()
    assert rows_of(together) == rows_of(alone)


@pytest.mark.slow
def test_all_workers_killed_are_replaced_and_the_work_goes_on(dataset: Dataset, cluster: Any, tmp_path: Path) -> None:
    alone = extract(dataset, NAME, cache_folder=tmp_path / "alone")
    with connected(Scheduler(cluster.scheduler_address)) as there:
        assert there is not None
        pids = dict(there.client.run(os.getpid))

        def kill() -> None:
            for pid in pids.values():
                os.kill(pid, signal.SIGKILL)

        together = extract(dataset, NAME, cache_folder=tmp_path / "together", progress=During(1, kill))
    assert rows_of(together) == rows_of(alone)


@pytest.mark.slow
def test_what_was_computed_before_a_stop_is_kept(dataset: Dataset, cluster: Any, tmp_path: Path) -> None:
    def stop() -> None:
        raise CancelledError

    with connected(Scheduler(cluster.scheduler_address)):
        with pytest.raises(CancelledError):
            extract(dataset, NAME, cache_folder=tmp_path, progress=During(128, stop))
        rest = extract(dataset, NAME, cache_folder=tmp_path)
    assert 0 < rest.n_computed <= N_IMAGES - 128


@pytest.mark.slow
def test_an_unreadable_image_does_not_stop_the_workers(dataset: Dataset, cluster: Any, tmp_path: Path) -> None:
    images = list(dataset.images)
    images[7] = replace(images[7], path="a/gone.png", pixels="0" * 64)
    broken = replace(dataset, images=tuple(images))
    with connected(Scheduler(cluster.scheduler_address)):
        together = extract(broken, NAME, cache_folder=tmp_path)
    assert together.failed_indices.tolist() == [7]
    assert together.n_computed == N_IMAGES - 1


@pytest.mark.slow
def test_workers_with_other_versions_are_refused(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = facts_here()
    other = replace(here, versions={**here.versions, "NumPy": "1.0"})
    monkeypatch.setattr("coreset_studio.core.cluster.scheduler.facts_here", _Remote(other))
    with (
        pytest.raises(ClusterError, match=r"2 workers with other versions .* NumPy .* instead of 1\.0"),
        connected(Scheduler(cluster.scheduler_address)),
    ):
        pass


class _Remote:
    """Facts that differ in this process only: workers get the true function."""

    def __init__(self, facts: WorkerFacts) -> None:
        self.facts = facts

    def __call__(self) -> WorkerFacts:
        return self.facts

    def __reduce__(self) -> str | tuple[Any, ...]:
        return (_true_facts, ())


def _true_facts() -> Any:
    return facts_here


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named() -> None:
    with (
        pytest.raises(ClusterError, match=r"tcp://127\.0\.0\.1:9 did not answer within 1 seconds"),
        connected(Scheduler("127.0.0.1:9"), seconds=1),
    ):
        pass


@pytest.mark.parametrize(
    "address", ["nonsense", "inproc://1/2", "127.0.0.1", "host:99999", "file:///etc:80", "ucx://a:1"]
)
def test_addresses_of_another_form_are_rejected(address: str) -> None:
    with pytest.raises(ClusterError, match="not the address of a scheduler; expected HOST:PORT"):
        Scheduler(address)


def test_tls_files_are_given_together(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    with pytest.raises(ClusterError, match="--tls-cert and --tls-key is missing"):
        Scheduler("tls://host:1", tls_ca=file)
    with pytest.raises(ClusterError, match="requires --tls-ca, --tls-cert, --tls-key"):
        Scheduler("tls://host:1")
    with pytest.raises(ClusterError, match="is no file"):
        Scheduler("host:1", tls_ca=file, tls_cert=file, tls_key=tmp_path / "key.pem")
    with pytest.raises(ClusterError, match="not encrypted"):
        Scheduler("tcp://host:1", tls_ca=file, tls_cert=file, tls_key=file)
    assert Scheduler("host:1", tls_ca=file, tls_cert=file, tls_key=file).url == "tls://host:1"


def test_versions_that_differ_are_named_in_words() -> None:
    one = WorkerFacts("x", {"Coreset Studio": "1", "NumPy": "2"}, 1)
    other = WorkerFacts("x", {"Coreset Studio": "2", "NumPy": "2", "Keras": "3"}, 1)
    assert one.differences(other) == ("Coreset Studio 1 instead of 2", "Keras (none) instead of 3")


@pytest.mark.slow
def test_another_processor_is_measured_against_this_one(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Inside(Cluster):
        """Runs tasks here, as if on another processor, whose first feature of the first image differs."""

        def map(self, function: Any, tasks: Any, tick: Any) -> Any:
            for number, task in enumerate(tasks):
                tick()
                result = function(task)
                if number == 0:
                    (first, *others) = result.batches
                    name = next(iter(first.blocks))
                    rows = first.blocks[name].copy()
                    rows[0, 0] += 1
                    first = replace(first, blocks={**first.blocks, name: rows})
                    result = replace(result, batches=(first, *others))
                yield replace(result, facts=replace(result.facts, processor="Another CPU"))

    monkeypatch.setattr("coreset_studio.core.features.extraction.active", lambda: Inside(None))
    found = extract(dataset, NAME, cache_folder=tmp_path)
    (note,) = found.notes
    assert note.startswith("600 images were extracted on another processor (Another CPU; here ")
    assert "Of 128 of them, extracted here again, 127 have the same features to the bit (99%)" in note
    assert [each.processor for each in found.workers] == ["Another CPU"]
    again = extract(dataset, NAME, cache_folder=tmp_path)
    assert [each.processor for each in again.workers] == ["Another CPU"]


def test_a_task_has_only_its_own_images(dataset: Dataset) -> None:
    from coreset_studio.core.features.decoding import images_to_decode
    from coreset_studio.core.features.extraction import weights_of
    from coreset_studio.core.features.extractors import extractor_named

    extractor = extractor_named(NAME)
    items = images_to_decode(dataset, range(10, 14))
    task = distributed._task(extractor, weights_of(extractor), None, dataset, items)
    assert [image.path for image in task.dataset.images] == [image.path for image in dataset.images[10:14]]
    assert [item.indices for item in task.items] == [(0,), (1,), (2,), (3,)]
