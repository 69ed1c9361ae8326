"""Trials of a search: what is proposed, pruned and stored, and what a killed process leaves."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.errors import ExportError
from coreset_studio.core.pipeline.search_space import SearchRange, search_ranges
from coreset_studio.core.pipeline.search_trials import (
    JOURNAL,
    NAME,
    FinishedTrial,
    SearchTrials,
    journal_progress,
    sole_search,
)
from coreset_studio.core.results.searches import TrialResult
from coreset_studio.core.settings import SearchSettings, TrainingSettings

SEARCH = SearchSettings(method="tpe")
RANGES = search_ranges(SEARCH, TrainingSettings())
N_EPOCHS = 9
N_TRIALS = 16  # so many that TPE proposes some, and some are pruned


def accuracy_of(values: Any, epoch: int) -> float:
    """A made-up accuracy, the best at a learning rate of 0.002 and no dropout."""
    return max(0.0, 1 - abs(math.log10(values["learning_rate"] / 0.002)) - 0.3 * values["dropout"]) * epoch / N_EPOCHS


def work(
    folder: Path,
    n_trials: int = N_TRIALS,
    *,
    search: SearchSettings = SEARCH,
    in_epoch: Callable[[int, int], None] = lambda number, epoch: None,
) -> SearchTrials:
    """Do a search, without training anything; `in_epoch` is called with trial and epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    store = SearchTrials(folder, search, RANGES, "identity", N_EPOCHS)
    while len(store.finished) < n_trials:
        proposed = store.propose()
        pruned, best = None, 0.0
        for epoch in range(1, N_EPOCHS + 1):
            in_epoch(proposed.number, epoch)
            accuracy = accuracy_of(proposed.values, epoch)
            best = max(best, accuracy)
            if proposed.report(epoch, accuracy):
                pruned = epoch
                break
        store.finish(proposed, TrialResult(best, pruned or N_EPOCHS, 1.0, pruned))
    return store


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[FinishedTrial]:
    """The trials of a search that nothing interrupted."""
    return work(tmp_path_factory.mktemp("whole")).finished


def test_values_are_inside_their_ranges_and_what_is_poor_is_pruned(whole: list[FinishedTrial]) -> None:
    assert [trial.number for trial in whole] == list(range(N_TRIALS))
    for trial in whole:
        assert 0.0002 <= trial.values["learning_rate"] <= 0.02
        assert trial.values["image_size"] in range(128, 257, 16)
        assert 0 <= trial.values["dropout"] <= 0.5
    pruned = [trial for trial in whole if trial.result.pruned_after is not None]
    assert pruned, "some are pruned"
    # Not before five are complete, in the first third of the epochs, or in the last one.
    assert all(trial.number >= 5 and 3 <= (trial.result.pruned_after or 0) < N_EPOCHS for trial in pruned)
    before = [trial for trial in whole if trial.number < pruned[0].number]
    at = pruned[0].result.pruned_after or 0
    median = sorted(accuracy_of(trial.values, at) for trial in before)[len(before) // 2]
    assert pruned[0].result.accuracy < median
    later = [trial.result.accuracy for trial in whole[10:] if trial.result.pruned_after is None]
    assert sum(later) / len(later) > sum(trial.result.accuracy for trial in before) / len(before), "TPE has learnt"


def test_the_seed_and_the_method_decide_what_is_proposed(tmp_path: Path, whole: list[FinishedTrial]) -> None:
    assert work(tmp_path / "again").finished == whole
    other = work(tmp_path / "seed", 3, search=SearchSettings(method="tpe", search_seed=1)).finished
    assert all(one.values != another.values for one, another in zip(other, whole, strict=False))
    random = work(tmp_path / "random", search=SearchSettings(method="random")).finished
    assert [one.values for one in random[:10]] == [one.values for one in whole[:10]], "the first of TPE are random"
    assert [one.values for one in random[10:]] != [one.values for one in whole[10:]]
    unpruned = work(tmp_path / "unpruned", search=SearchSettings(method="tpe", pruning=False)).finished
    assert all(one.result.pruned_after is None for one in unpruned)


def test_more_trials_go_on_after_the_last(tmp_path: Path, whole: list[FinishedTrial]) -> None:
    assert work(tmp_path, 7).finished == whole[:7]
    assert work(tmp_path).finished == whole
    assert journal_progress(tmp_path) == N_TRIALS


def kill_in(folder: Path, trial: int, epoch: int) -> None:
    """Work in a process of its own that is killed in an epoch of a trial, as by a power cut."""
    code = (
        "import os, signal, sys; sys.path[:0] = sys.argv[1:3]\n"
        "from pathlib import Path\n"
        "from test_search_trials import work\n"
        f"def end(number, at):\n    if (number, at) == ({trial}, {epoch}): os.kill(os.getpid(), signal.SIGKILL)\n"
        "work(Path(sys.argv[3]), in_epoch=end)\n"
    )
    root, here = Path(__file__).parents[3], Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code, str(root), str(here), str(folder)], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(("trial", "epoch"), [(0, 1), (3, 4), (11, 2)])
def test_killed_in_a_trial_and_continued_it_is_the_same_search(
    tmp_path: Path, whole: list[FinishedTrial], trial: int, epoch: int
) -> None:
    kill_in(tmp_path, trial, epoch)
    assert journal_progress(tmp_path) == trial
    seen: list[int] = []
    continued = work(tmp_path, in_epoch=lambda number, _epoch: seen.append(number))
    assert seen[0] == trial, "the trial that was running is repeated under its own number"
    assert continued.finished == whole
    assert continued.notes == []
    assert [file.name for file in tmp_path.iterdir()] == [JOURNAL]


def lines_of(folder: Path) -> list[bytes]:
    return (folder / JOURNAL).read_bytes().splitlines(keepends=True)


def test_a_torn_last_line_costs_at_most_its_trial(tmp_path: Path, whole: list[FinishedTrial]) -> None:
    work(tmp_path, 9)
    lines = lines_of(tmp_path)
    for cut in (1, len(lines[-1]) // 2, len(lines[-1]) - 1):
        (tmp_path / JOURNAL).write_bytes(b"".join(lines[:-1]) + lines[-1][:cut])
        continued = work(tmp_path, 9)
        assert continued.finished == whole[:9]
        assert continued.notes == []


@pytest.mark.parametrize("damage", [b"\x00\x00\n", b"{}\n", b"[1]\n", b'{"op_code": 5, "trial_id": 999}\n'])
def test_a_damaged_line_costs_the_trials_after_it_with_a_note(
    tmp_path: Path, whole: list[FinishedTrial], damage: bytes
) -> None:
    work(tmp_path, 9)
    lines = lines_of(tmp_path)
    place = next(
        number for number, line in enumerate(lines) if b'"trial_id":5' in line and b"datetime_complete" in line
    )
    (tmp_path / JOURNAL).write_bytes(b"".join([*lines[: place + 1], damage, *lines[place + 1 :]]))
    continued = work(tmp_path, 9)
    assert continued.finished == whole[:9]
    [note] = continued.notes
    assert note.startswith("search.journal is damaged (")
    assert ("the first 6 trials are kept" if damage[:1] != b"{" or damage == b"{}\n" else "none is kept") in note
    assert note.endswith("and the others are repeated.")


def test_a_changed_value_is_not_taken_for_a_result(tmp_path: Path, whole: list[FinishedTrial]) -> None:
    work(tmp_path, 4)
    text = (tmp_path / JOURNAL).read_text(encoding="utf-8")
    accuracy = json.dumps(whole[2].result.accuracy)
    (tmp_path / JOURNAL).write_text(text.replace(f'"accuracy":{accuracy}', '"accuracy":0.5'), encoding="utf-8")
    continued = work(tmp_path, 4)
    assert continued.finished == whole[:4]
    assert "the first 2 trials are kept" in continued.notes[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello\n",
        b"\x80\x04pickle",
        b"{}\n",
        b'{"op_code":0,"worker_id":"x","study_name":"mine","directions":[2]}\n',
    ],
)
def test_a_file_of_something_else_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL).write_bytes(content)
    with pytest.raises(ExportError, match="is not the journal of a search"):
        work(tmp_path, 1)
    assert (tmp_path / JOURNAL).read_bytes() == content
    store = SearchTrials(tmp_path, SEARCH, RANGES, "identity", N_EPOCHS, overwrite=True)
    assert store.finished == []
    assert lines_of(tmp_path)[0].count(NAME.encode()) == 1


def test_a_search_of_other_settings_is_refused_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    work(tmp_path, 2)
    with pytest.raises(ExportError, match="contains a search with other settings or images"):
        SearchTrials(tmp_path, SEARCH, RANGES, "another", N_EPOCHS)
    assert SearchTrials(tmp_path, SEARCH, RANGES, "another", N_EPOCHS, overwrite=True).finished == []


def test_another_version_of_the_library_is_noted(tmp_path: Path) -> None:
    work(tmp_path, 2)
    text = (tmp_path / JOURNAL).read_text(encoding="utf-8")
    import optuna

    (tmp_path / JOURNAL).write_text(text.replace(f'"{optuna.__version__}"', '"4.5.0"'), encoding="utf-8")
    [note] = work(tmp_path, 3).notes
    assert note.startswith(f"The first 2 trials were proposed by Optuna 4.5.0, the others by {optuna.__version__}")


def test_two_searches_do_not_share_a_folder(tmp_path: Path) -> None:
    with sole_search(tmp_path):
        [mark] = tmp_path.iterdir()
        with sole_search(tmp_path):
            pass  # of the same process
        code = (
            "import sys; from pathlib import Path; from coreset_studio.core.pipeline.search_trials import sole_search\n"
        )
        code += "with sole_search(Path(sys.argv[1])): pass"
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            check=False, timeout=120, capture_output=True, text=True, cwd=Path(__file__).parents[3],
        )  # fmt: skip
        assert f"Another search is running in {tmp_path}." in done.stderr
        assert f"remove {mark.name} there" in done.stderr
    assert list(tmp_path.iterdir()) == []
    # What a killed process left is no reason.
    gone = mark.with_name(mark.name.replace(f"-{os.getpid()}-", "-4194303-"))
    gone.touch()
    with sole_search(tmp_path):
        assert not gone.exists()


def test_proposals_are_rounded_inside_their_range() -> None:
    narrow = SearchRange("dropout", "Dropout", 0.12345678, 0.23454321)
    assert narrow.rounded(0.20000049) == 0.2
    assert narrow.rounded(0.12341) == 0.12345678
    assert narrow.rounded(0.23454) == 0.2345
    assert narrow.rounded(0.23456) == 0.23454321
    assert SearchRange("image_size", "Image size", 32, 96, step=16).rounded(48) == 48
