"""The trials of a search, proposed by Optuna and stored in its journal in the folder of the search.

A trial depends only on the seed, its number and the trials before it: its sampler is created with its own seed, and
trials run one after the other. A search that was killed therefore continues as if it had not been: trials that were
finished are read, and the one that was running is proposed again, under its own number.

The journal is a text file to which a line is appended for each event, so that a killed process leaves at most one
incomplete line. SQLite, the other storage of Optuna, would require SQLAlchemy and Alembic, and file locks, which many
network folders do not have. Nothing in it is pickled.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import (
    is_own,
    maker_may_be_at_work,
    process_mark,
    reason_of,
    temporary_file,
    try_to_remove,
)
from coreset_studio.core.forms import FormError, is_number, parse_json
from coreset_studio.core.pipeline.search_space import SearchRange
from coreset_studio.core.reading import read_regular
from coreset_studio.core.results.searches import TrialResult
from coreset_studio.core.seeds import generator
from coreset_studio.core.settings import SearchSettings

JOURNAL = "search.journal"
NAME = "coreset-studio-search"
STARTUP = 10
"""Trials of TPE that are drawn at random, before there is anything to learn from."""
COMPLETE_FIRST = 5
"""Complete trials before the first one is pruned."""
WARM_UP = 3
"""The first one in so many epochs of a trial is never its last."""
_LARGEST = 256_000_000
_IDENTITY, _OPTUNA, _RESULT = "identity", "optuna", "result"


@dataclass(frozen=True)
class FinishedTrial:
    """A trial that is in the journal with its result."""

    number: int
    values: Mapping[str, float]
    result: TrialResult


class ProposedTrial:
    """A trial that was proposed and is not finished.

    Attributes
    ----------
    number : int
    values : dict of str to float
        Rounded, as it is to be trained with.
    """

    def __init__(self, study: Any, trial: Any, ranges: Sequence[SearchRange], n_epochs: int, file: Path) -> None:
        self._study, self._trial, self._n_epochs, self._file = study, trial, n_epochs, file
        self.number: int = trial.number
        self.values = {each.name: each.rounded(trial.params[each.name]) for each in ranges}
        self._reported = 0

    def report(self, epoch: int, accuracy: float) -> bool:
        """Take the validation accuracy of an epoch, from 1, and return whether the trial is to end after it."""
        if math.isnan(accuracy) or epoch <= self._reported:
            return False  # the validation images were not evaluated, or a training was begun again
        self._reported = epoch
        with _file_errors(self._file):
            self._trial.report(accuracy, epoch)
            return epoch < self._n_epochs and bool(self._trial.should_prune())

    def finish(self, result: TrialResult) -> FinishedTrial:
        """Store the result; from now on the trial is not repeated."""
        from optuna.trial import TrialState

        self._trial.set_user_attr(_RESULT, asdict(result))
        if result.pruned_after is None:
            self._study.tell(self._trial, result.accuracy)
        else:
            self._study.tell(self._trial, state=TrialState.PRUNED)
        return FinishedTrial(self.number, self.values, result)


class SearchTrials:
    """The trials of one search.

    Parameters
    ----------
    folder : Path
        Of the search; its journal is made or continued.
    search : SearchSettings
    ranges : sequence of SearchRange
    identity : str
        Fingerprint of all that the results of trials depend on.
    n_epochs : int
        Of a complete trial.
    overwrite : bool
        Replace a journal of another search.

    Attributes
    ----------
    finished : list of FinishedTrial
        By number, without a gap.
    notes : list of str
        What could not be read, in sentences for the user.

    Raises
    ------
    ExportError
        If the folder contains the journal of another search, or something else under its name, and `overwrite` is not
        set; or it cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        search: SearchSettings,
        ranges: Sequence[SearchRange],
        identity: str,
        n_epochs: int,
        *,
        overwrite: bool = False,
    ) -> None:
        self._file = folder / JOURNAL
        self._search, self._ranges, self._n_epochs = search, tuple(ranges), n_epochs
        self.notes: list[str] = []
        self.finished: list[FinishedTrial] = []
        self._study = self._opened(identity, overwrite=overwrite)

    def propose(self) -> ProposedTrial:
        """Propose the next trial.

        Raises
        ------
        ExportError
            If the journal cannot be written.
        """
        with _file_errors(self._file):
            self._study.sampler = _sampler(self._search, len(self.finished))
            trial = self._study.ask(_distributions(self._ranges))
            return ProposedTrial(self._study, trial, self._ranges, self._n_epochs, self._file)

    def finish(self, proposed: ProposedTrial, result: TrialResult) -> None:
        """Store the result of a trial.

        Raises
        ------
        ExportError
            If the journal cannot be written.
        """
        with _file_errors(self._file):
            self.finished.append(proposed.finish(result))

    # --- the journal ------------------------------------------------------------------------------------------------

    def _opened(self, identity: str, *, overwrite: bool) -> Any:
        """Return the study of a journal with the finished trials alone, which is written again."""
        import optuna

        with _file_errors(self._file):
            found = self._found(identity, overwrite=overwrite)
            for left in self._file.parent.glob(f"{JOURNAL}.lock*"):
                try_to_remove(left)  # of a killed process
            with temporary_file(self._file) as part:
                study = optuna.create_study(storage=_storage(part), study_name=NAME, direction="maximize")
                study.set_user_attr(_IDENTITY, identity)
                study.set_user_attr(_OPTUNA, optuna.__version__)
                for trial in found:
                    study.add_trial(trial)
            return optuna.load_study(
                storage=_storage(self._file), study_name=NAME, pruner=_pruner(self._search, self._n_epochs)
            )

    def _found(self, identity: str, *, overwrite: bool) -> list[Any]:
        """Return the finished trials of a journal that is there, up to the first that is not."""
        if not self._file.exists():
            return []
        known, lines, why = _read_lines(self._file)
        if known is None or known != identity:
            if overwrite:
                return []
            if known is None:
                raise ExportError(
                    f"{self._file} is not the journal of a search. Use another folder, or replace it with --overwrite."
                )
            raise ExportError(
                f"{self._file.parent} contains a search with other settings or images. Use another folder, or add "
                "--overwrite to replace it; finished trainings are kept."
            )
        replayed = _replayed(self._file, lines)
        if replayed is None:
            why, replayed = why or "its lines do not fit together", ([], "")
        frozen, by = replayed
        trials = []
        for number, trial in enumerate(frozen):
            found = _finished(trial, number, self._ranges)
            if found is None:
                if any(other.state.is_finished() for other in frozen[number:]):
                    why = why or f"the result of trial {number + 1:,} does not fit"
                break
            self.finished.append(found[0])
            trials.append(found[1])
        if why:
            n = len(trials)
            kept = f"the first {n:,} trials are" if n > 1 else ("the first trial is" if n else "none is")
            self.notes.append(f"{JOURNAL} is damaged ({why}); {kept} kept, and the others are repeated.")
        self._note_versions(by)
        return trials

    def _note_versions(self, by: str) -> None:
        import optuna

        if self.finished and by != optuna.__version__:
            self.notes.append(
                f"The first {len(self.finished):,} trials were proposed by Optuna {by or 'of an unknown version'}, the "
                f"others by {optuna.__version__}, which may propose others."
            )


@contextmanager
def sole_search(folder: Path) -> Iterator[None]:
    """Refuse a second search in the same folder while the first one runs.

    Raises
    ------
    ExportError
        If there is one, or the folder cannot be written.
    """
    mark = folder / f"search.{process_mark()}.busy"
    with _file_errors(mark):
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    try:
        for other in folder.glob("search.*.busy"):
            if is_own(other):
                continue
            if maker_may_be_at_work(other):
                raise ExportError(
                    f"Another search is running in {folder}. Wait until it has ended, or use another folder; if none "
                    f"is running, remove {other.name} there."
                )
            try_to_remove(other)
        yield
    finally:
        try_to_remove(mark)


@contextmanager
def _file_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportError(f"{file} cannot be read or written ({reason_of(error)}). Use another folder.") from error


def _storage(file: Path) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(logging.ERROR)
    # Links, the other kind of lock, require a privilege on Windows.
    return JournalStorage(JournalFileBackend(str(file), lock_obj=JournalFileOpenLock(str(file))))


def _sampler(search: SearchSettings, number: int) -> Any:
    """Return the sampler of one trial, seeded by its number."""
    from optuna.samplers import RandomSampler, TPESampler

    seed = int(generator(search.search_seed, "search", number).integers(2**31))
    if search.method == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, n_startup_trials=STARTUP)


def _pruner(search: SearchSettings, n_epochs: int) -> Any:
    from optuna.pruners import MedianPruner, NopPruner

    if not search.pruning:
        return NopPruner()
    return MedianPruner(n_startup_trials=COMPLETE_FIRST, n_warmup_steps=max(1, math.ceil(n_epochs / WARM_UP)))


def _distributions(ranges: Sequence[SearchRange]) -> dict[str, Any]:
    from optuna.distributions import FloatDistribution, IntDistribution

    made: Mapping[bool, Callable[[SearchRange], Any]] = {
        True: lambda each: IntDistribution(int(each.low), int(each.high), step=each.step),
        False: lambda each: FloatDistribution(each.low, each.high, log=each.is_log),
    }
    return {each.name: made[bool(each.step)](each) for each in ranges}


def _read_lines(file: Path) -> tuple[str | None, list[bytes], str]:
    """Return the identity of the search that wrote a journal, its lines up to the first fault, and the fault.

    The identity is None if no search of this program wrote it. An incomplete last line, as a killed process leaves it,
    is no fault.
    """
    data = read_regular(file, _LARGEST)
    lines = data.splitlines(keepends=True)
    identity: str | None = None
    is_ours = False
    for place, line in enumerate(lines):
        try:
            values = parse_json(line)
        except FormError:
            values = None
        if not (isinstance(values, dict) and is_number(values.get("op_code"), int) and line.endswith(b"\n")):
            is_torn = place == len(lines) - 1 and not line.endswith(b"\n")
            return identity, lines[:place], "" if is_torn else f"line {place + 1} cannot be read"
        is_ours = is_ours or (place == 0 and values.get("study_name") == NAME)
        attribute = values.get("user_attr")
        if is_ours and identity is None and isinstance(attribute, dict) and isinstance(attribute.get(_IDENTITY), str):
            identity = attribute[_IDENTITY]
    return identity, lines, ""


def _replayed(file: Path, lines: Sequence[bytes]) -> tuple[list[Any], str] | None:
    """Return the trials in the lines of a journal, and the version of Optuna that proposed them; None if it cannot."""
    import optuna

    place = file.with_name(f".{file.name}.{process_mark()}.part")
    try:
        place.write_bytes(b"".join(lines))
        study = optuna.load_study(storage=_storage(place), study_name=NAME)
        return study.get_trials(), str(study.user_attrs.get(_OPTUNA, ""))
    except OSError:
        raise
    except Exception:  # lines in another sequence or with other values raise nearly any exception
        return None
    finally:
        try_to_remove(place)


def _finished(trial: Any, number: int, ranges: Sequence[SearchRange]) -> tuple[FinishedTrial, Any] | None:
    """Return a trial of a journal, and as Optuna has it, if it is the next one that was finished and all of it fits."""
    from optuna.trial import TrialState, create_trial

    result = _result(trial.user_attrs.get(_RESULT))
    if result is None or trial.number != number:
        return None
    is_pruned = result.pruned_after is not None
    if trial.state != (TrialState.PRUNED if is_pruned else TrialState.COMPLETE):
        return None
    if not is_pruned and trial.values != [result.accuracy]:
        return None
    epochs = trial.intermediate_values
    if not all(is_number(epoch, int) and is_number(value) and 0 <= value <= 1 for epoch, value in epochs.items()):
        return None
    try:
        made = create_trial(
            state=trial.state,
            value=None if is_pruned else result.accuracy,
            params={each.name: trial.params[each.name] for each in ranges},
            distributions=_distributions(ranges),
            user_attrs={_RESULT: asdict(result)},
            intermediate_values=dict(epochs),
        )
    except (KeyError, TypeError, ValueError):
        return None
    if trial.distributions != made.distributions:
        return None
    values = {each.name: each.rounded(made.params[each.name]) for each in ranges}
    return FinishedTrial(number, values, result), made


def _result(stored: Any) -> TrialResult | None:
    """Return a stored result; None where it is none."""
    if not isinstance(stored, dict) or set(stored) != {"accuracy", "epochs", "seconds", "pruned_after"}:
        return None
    accuracy, epochs, seconds, pruned = (stored[name] for name in ("accuracy", "epochs", "seconds", "pruned_after"))
    if not (is_number(accuracy) and is_number(epochs, int) and is_number(seconds)):
        return None
    if pruned is not None and not is_number(pruned, int):
        return None
    if not (0 <= accuracy <= 1 and epochs >= 0 and seconds >= 0):
        return None
    return TrialResult(float(accuracy), int(epochs), float(seconds), None if pruned is None else int(pruned))


def journal_progress(folder: Path) -> int:
    """Return how many trials of an unfinished search a journal contains, for a button; 0 where that is not known."""
    try:
        _identity, lines, _why = _read_lines(folder / JOURNAL)
    except OSError:
        return 0
    # Optuna's operation of a finished trial has its state and the time of its end.
    return sum(b'"datetime_complete":"' in line and b'"state":' in line for line in lines)
