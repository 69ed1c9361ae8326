"""The limit of the cache: what was used least recently goes first, and never what is in use."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core import cache_use
from coreset_studio.core.cache import ArrayCache
from coreset_studio.core.cache_limit import CacheLimit, look_at_cache, read_limit, set_limit, trim_after_work
from coreset_studio.core.cache_use import names_in_use, release, use
from coreset_studio.core.cli import main
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import CancelledError
from coreset_studio.core.housekeeping import CacheSize, clear_cache, measure_cache, sweep, trim_cache
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NoProgress
from coreset_studio.core.row_store import RowStore
from coreset_studio.core.service.dataset_requests import ScanDataset
from coreset_studio.core.service.messages import Finished
from coreset_studio.core.service.processes import Job
from coreset_studio.core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
HOLD = """
import sys
from pathlib import Path
from coreset_studio.core.cache import ArrayCache
found = [ArrayCache(Path(sys.argv[1])).load("clusters", key) for key in sys.argv[2:]]
print(all(found), flush=True)
sys.stdin.read()
"""
STORE_AND_TRIM = """
import sys, random
from pathlib import Path
import numpy as np
from coreset_studio.core.cache import ArrayCache
from coreset_studio.core.row_store import RowStore
from coreset_studio.core.cache_use import release
from coreset_studio.core.housekeeping import trim_cache
folder, me, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
chance, cache = random.Random(me), ArrayCache(Path(sys.argv[1]))
for number in range(rounds):
    value = chance.randrange(6)
    key = f"{value:032x}"
    arrays = {"rows": np.full((400, 3), value, np.float32), "large": np.full(40_000, value)}
    found = cache.load("clusters", key) or cache.store("clusters", key, arrays, {"value": value})
    place = folder / "features" / f"vgg16-{chance.randrange(2):016x}" / "avg"
    store = RowStore(place, 3, folder)
    keys = [f"{number} {row}" for row in range(5)]
    missing = store.missing(keys)
    store.append(missing, np.full((len(missing), 3), number, np.float32))
    if chance.random() < 0.5:
        trim_cache(folder, 400_000)
    assert (store.rows(keys) == number).all()
    assert found.facts == {"value": value}
    assert all((found.arrays[name] == arrays[name]).all() for name in arrays)
    if chance.random() < 0.3:
        release(folder)
trim_cache(folder, 400_000)
"""


@pytest.fixture(autouse=True)
def _nothing_in_use() -> Iterator[None]:
    yield
    release()
    cache_use._uses.clear()


def key(number: int) -> str:
    return f"{number:032x}"


def fill(folder: Path, n_entries: int = 4, n_bytes: int = 80_000) -> None:
    """Store entries of clusters, the first the oldest, as another process did that has ended."""
    cache = ArrayCache(folder)
    for number in range(n_entries):
        cache.store("clusters", key(number), {"labels": np.full(n_bytes // 8, number)}, {"number": number})
    release(folder)
    for number in range(n_entries):
        age(cache.path("clusters", key(number)), hours=100 - number)


def age(entry: Path, hours: float) -> None:
    then = time.time() - 3600 * hours
    for place in (*entry.rglob("*"), entry):
        os.utime(place, (then, then))


def held(folder: Path) -> list[int]:
    return sorted(int(entry.name, 16) for entry in (folder / "clusters").iterdir())


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def test_what_was_used_least_recently_goes_first(tmp_path: Path) -> None:
    fill(tmp_path)
    assert ArrayCache(tmp_path).load("clusters", key(0)) is not None
    release(tmp_path)

    trimmed = trim_cache(tmp_path, 200_000)

    assert held(tmp_path) == [0, 3]
    assert trimmed.n_removed == 2
    assert trimmed.size == measure_cache(tmp_path)
    assert trimmed.size.n_bytes <= 200_000


def test_a_cache_within_its_limit_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    assert trim_cache(tmp_path, 10_000_000).n_removed == 0
    assert held(tmp_path) == [0, 1, 2, 3]


def test_small_facts_and_files_of_the_user_stay(tmp_path: Path) -> None:
    fill(tmp_path)
    kept = ("speeds.json", "weights.json", "features/vgg16.rate.json", "thesis.docx", "clusters/of stars/m31.csv")
    for name in kept:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 1000)
        os.utime(tmp_path / name, (0, 0))
    trim_cache(tmp_path, 0)
    left = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    assert left == {*kept, "size.json"}


def test_what_this_process_uses_stays(tmp_path: Path) -> None:
    fill(tmp_path)
    ArrayCache(tmp_path).load("clusters", key(1))
    trim_cache(tmp_path, 0)
    assert held(tmp_path) == [1]


@pytest.mark.parametrize("killed", [False, True])
def test_what_another_process_uses_stays_until_it_is_gone(tmp_path: Path, killed: bool) -> None:
    fill(tmp_path)
    other = start(HOLD, tmp_path, key(0), key(2))
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        trim_cache(tmp_path, 0)
        assert held(tmp_path) == [0, 2]
        emptied = clear_cache(tmp_path)
        assert held(tmp_path) == [0, 2]
        assert emptied == CacheSize(emptied.n_files, emptied.n_bytes, emptied.n_bytes)
        assert emptied.n_bytes > 160_000
        if killed:
            other.kill()
    finally:
        other.communicate("")
    assert bool(list((tmp_path / "in-use").iterdir())) == killed
    trim_cache(tmp_path, 0)
    assert held(tmp_path) == []
    assert not (tmp_path / "in-use").exists()


def test_what_another_machine_uses_stays_for_a_day(tmp_path: Path) -> None:
    fill(tmp_path)
    mark = tmp_path / "in-use" / "0badcafe-4711-0badcafe.txt"
    mark.parent.mkdir(exist_ok=True)
    mark.write_text(f"clusters/{key(1)}\n")
    trim_cache(tmp_path, 0)
    assert held(tmp_path) == [1]
    age(mark, hours=25)
    trim_cache(tmp_path, 0)
    assert held(tmp_path) == []


def test_the_name_of_a_kind_means_all_of_it(tmp_path: Path) -> None:
    fill(tmp_path)
    use(tmp_path, "clusters")
    trim_cache(tmp_path, 0)
    assert held(tmp_path) == [0, 1, 2, 3]


def test_what_is_begun_while_an_entry_is_taken_away_gets_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 1)
    answers = [set(), {f"clusters/{key(0)}"}]
    monkeypatch.setattr("coreset_studio.core.housekeeping.names_in_use", lambda *_, **__: answers.pop(0))
    assert trim_cache(tmp_path, 0).n_removed == 0
    assert ArrayCache(tmp_path).load("clusters", key(0)) is not None


def test_rows_that_are_taken_away_while_they_are_added_are_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coreset_studio.core import row_store as module

    store = RowStore(tmp_path / "features" / "vgg16-0123456789abcdef" / "avg", 2, tmp_path)
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    written, takes = module.write_chunk, [True, True]

    def write_and_lose(folder: Path, *arguments: object) -> Path:
        file = written(folder, *arguments)  # type: ignore[arg-type]
        if takes and takes.pop():
            shutil.rmtree(folder)
        return file

    monkeypatch.setattr(module, "write_chunk", write_and_lose)
    store.append(["a", "b", "c"], rows)
    assert (store.rows(["c", "a"]) == rows[[2, 0]]).all()


def test_a_removal_that_was_cut_short_is_swept(tmp_path: Path) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    host = cache_use.process_mark().partition("-")[0]
    for name in (f"features/.vgg16-{'0' * 16}", "pixels/.128-v2", "thumbnails/.ab", f"clusters/.{key(1)}"):
        left = tmp_path / f"{name}.{host}-{gone.stdout.strip()}-0badcafe.part"
        left.mkdir(parents=True)
        (left / "rows.npy").write_bytes(b"x")
    assert sweep(tmp_path) == 4
    assert measure_cache(tmp_path).n_files == 0


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    class Stops(NoProgress):
        def report(self, done: int, total: int, message: str = "") -> None:
            if done:
                raise CancelledError

    fill(tmp_path)
    with pytest.raises(CancelledError):
        trim_cache(tmp_path, 0, Stops())
    assert held(tmp_path) == [1, 2, 3]


@pytest.mark.slow
def test_processes_that_store_and_trim_do_not_disturb_each_other(tmp_path: Path) -> None:
    processes = [start(STORE_AND_TRIM, tmp_path, me, 40) for me in range(4)]
    said = [each.communicate()[0] for each in processes]
    assert [each.returncode for each in processes] == [0] * 4, said
    assert not list(tmp_path.rglob(".*"))
    assert trim_cache(tmp_path, 400_000).size.n_bytes <= 400_000


@pytest.mark.parametrize("version", ["format-1", "format-2"])
def test_a_cache_of_an_earlier_version_is_trimmed(tmp_path: Path, version: str) -> None:
    folder = shutil.copytree(GOLDEN / version / "cache", tmp_path / "cache")
    before = measure_cache(folder)
    assert before.n_files
    trimmed = trim_cache(folder, 0)
    assert trimmed.n_bytes_removed + trimmed.size.n_bytes == before.n_bytes
    assert all(file.name.endswith(".rate.json") for file in folder.glob("*/*"))


# --- the limit itself ---------------------------------------------------------------------------------------------


def test_there_is_no_limit_where_none_was_set(tmp_path: Path) -> None:
    assert read_limit(tmp_path) == CacheLimit(None)
    assert read_limit(tmp_path / "nowhere") == CacheLimit(None)
    fill(tmp_path)
    use(tmp_path, added=10**12)
    assert trim_after_work() == ()
    assert held(tmp_path) == [0, 1, 2, 3]
    assert not (tmp_path / "size.json").exists()


def test_a_limit_is_kept_in_the_cache_and_applied_at_once(tmp_path: Path) -> None:
    fill(tmp_path)
    state = set_limit(tmp_path, 0.0002)
    assert held(tmp_path) == [2, 3]
    assert state.n_bytes_removed > 160_000
    assert state == look_at_cache(tmp_path).__class__(
        measure_cache(tmp_path), CacheLimit(0.0002), state.n_bytes_removed
    )
    clear_cache(tmp_path)
    assert read_limit(tmp_path) == CacheLimit(0.0002)
    set_limit(tmp_path, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", '{"gigabytes": 0}', '{"gigabytes": -1}', '{"gigabytes": "5"}', "{}", "{"])
def test_a_damaged_limit_is_none_and_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "limit.json").write_text(text)
    limit = read_limit(tmp_path)
    assert limit.gigabytes is None
    assert limit.note.startswith(f"{tmp_path / 'limit.json'} does not contain a limit of the cache (")
    use(tmp_path, "clusters/x")
    assert trim_after_work() == (limit.note,)


def test_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(tmp_path, 3)
    monkeypatch.setenv("CORESET_CACHE_LIMIT", "0.5")
    assert read_limit(tmp_path) == CacheLimit(0.5)
    for wrong in ("five", "0", "-1", "nan", "inf"):
        monkeypatch.setenv("CORESET_CACHE_LIMIT", wrong)
        assert read_limit(tmp_path).gigabytes is None
        assert read_limit(tmp_path).note.startswith(f"CORESET_CACHE_LIMIT is '{wrong}'; expected a number")


def test_after_work_the_cache_is_within_its_limit(tmp_path: Path) -> None:
    set_limit(tmp_path, 0.0002)
    fill(tmp_path)
    (said,) = trim_after_work()
    assert held(tmp_path) == [2, 3]
    assert "of the least recently used data were removed" in said
    assert trim_after_work() == ()


def test_what_the_work_itself_used_stays_and_is_told(tmp_path: Path) -> None:
    set_limit(tmp_path, 0.00001)
    ArrayCache(tmp_path).store("clusters", key(1), {"labels": np.zeros(10_000)}, {})
    (said,) = trim_after_work()
    assert held(tmp_path) == [1]
    assert "because files in use are not removed" in said


def test_it_is_not_measured_after_each_piece_of_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    trim = trim_cache
    monkeypatch.setattr(
        "coreset_studio.core.cache_limit.trim_cache", lambda *given: measured.append(given) or trim(*given)
    )
    set_limit(tmp_path, 0.001)
    measured.clear()
    for number in range(3):
        ArrayCache(tmp_path).store("clusters", key(number), {"labels": np.zeros(20_000)}, {})
        assert trim_after_work() == ()
    assert not measured
    release(tmp_path)
    for number in range(4, 8):
        ArrayCache(tmp_path).store("clusters", key(number), {"labels": np.zeros(20_000)}, {})
    release(tmp_path)
    assert len(trim_after_work()) == 1
    assert len(measured) == 1
    assert measure_cache(tmp_path).n_bytes <= 1_000_000


def test_what_is_in_use_is_noted_again_where_it_was_taken_for_gone(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    cache = ArrayCache(tmp_path)
    cache.load("clusters", key(0))
    shutil.rmtree(tmp_path / "in-use")
    cache.load("clusters", key(1))
    (mark,) = (tmp_path / "in-use").iterdir()
    assert mark.read_text().split() == [f"clusters/{key(0)}", f"clusters/{key(1)}"]
    assert names_in_use(tmp_path, own=False) == set()


# --- whole work ---------------------------------------------------------------------------------------------------


def select(images: Path, cache: Path, out: Path) -> None:
    """Choose a coreset as a command, after which its process ends."""
    words = ["--extractor", "colour-texture", "--k-max", "3", "--fraction", "0.2", "--out", str(out)]
    assert main(["select", str(images), "--cache", str(cache), *words]) == 0
    release()


@pytest.mark.slow
def test_commands_keep_to_the_limit_and_compute_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, first, second = tmp_path / "cache", tmp_path / "first", tmp_path / "second"
    make_demo(first, n_images=60, side=48)
    make_demo(second, n_images=70, side=40)
    fill(cache)
    select(first, cache, tmp_path / "1.csv")
    assert "note: " not in capsys.readouterr().err
    assert held(cache)[:4] == [0, 1, 2, 3]
    datasets = set((cache / "datasets").iterdir())
    monkeypatch.setenv("CORESET_CACHE_LIMIT", "0.0001")
    select(second, cache, tmp_path / "2.csv")
    said = capsys.readouterr().err
    assert "of the least recently used data were removed" in said
    assert "because files in use are not removed" in said
    assert datasets.isdisjoint((cache / "datasets").iterdir())
    assert not set(held(cache)) & {0, 1, 2, 3}
    assert list((cache / "features").glob("colour-texture-*"))
    select(first, cache, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()


@pytest.mark.slow
def test_a_job_keeps_to_the_limit(tmp_path: Path) -> None:
    make_demo(tmp_path / "images", n_images=60, side=48)
    study = Study(tmp_path / "images", Settings(), tmp_path / "cache")
    fill(study.cache_folder)
    assert set_limit(study.cache_folder, 0.0004).n_bytes_removed == 0
    output = tmp_path / "output.txt"
    job = Job(ScanDataset(study), output=output)
    job.start()
    events = list(job.events())
    assert isinstance(events[-1], Finished)
    assert 0 not in held(study.cache_folder)
    assert 3 in held(study.cache_folder)
    assert "of the least recently used data were removed" in output.read_text()
    assert measure_cache(study.cache_folder).n_bytes <= 400_000
    assert events[-1].result.thumbnail(0).exists()
    assert not list((study.cache_folder / "in-use").iterdir())


def test_what_killed_processes_used_is_forgotten_where_there_is_no_limit(tmp_path: Path) -> None:
    fill(tmp_path)
    other = start(HOLD, tmp_path, key(0))
    assert other.stdout is not None
    assert other.stdout.readline() == "True\n"
    sweep(tmp_path)
    assert len(list((tmp_path / "in-use").iterdir())) == 1
    other.kill()
    other.communicate()
    sweep(tmp_path)
    assert not (tmp_path / "in-use").exists()
