"""Results of a hyperparameter search: its trials, and how the coreset and the whole pool agree on them."""

from collections.abc import Mapping
from dataclasses import dataclass

from coreset_studio.core.results.runs import Epoch, Note


@dataclass(frozen=True)
class TrialResult:
    """One training of a configuration.

    Attributes
    ----------
    accuracy : float
        On the validation images, in the epoch whose weights were kept; of a pruned trial the best until it ended.
    epochs : int
        Done; they may be more than set, where the minimum number of steps requires it.
    seconds : float
        Training time, validation included, features and test images not.
    pruned_after : int or None
        The epoch after which the trial was ended; None if it was complete.
    """

    accuracy: float
    epochs: int
    seconds: float
    pruned_after: int | None = None


@dataclass(frozen=True)
class SearchTrial:
    """One configuration of a search.

    Attributes
    ----------
    number : int
        From 0, in the sequence in which configurations were proposed.
    values : mapping of str to float
        Value of each hyperparameter, by name.
    coreset : TrialResult
    pool : TrialResult or None
        The same configuration trained on the whole pool; None if that was not done.
    """

    number: int
    values: Mapping[str, float]
    coreset: TrialResult
    pool: TrialResult | None = None

    @property
    def is_ranked(self) -> bool:
        """Whether it was trained to its end on the coreset."""
        return self.coreset.pruned_after is None


@dataclass(frozen=True)
class SearchTest:
    """Test images, which no trial was selected by.

    Attributes
    ----------
    accuracy, low, high : float
        Test accuracy of the best configuration, trained on the coreset, and its 95 % interval.
    n_images : int
        Of the test set.
    regret, regret_low, regret_high : float or None
        Test accuracy lost on the whole pool by using the coreset's best configuration instead of the pool's best, and
        its 90 % interval; None without a search on the pool.
    """

    accuracy: float
    low: float
    high: float
    n_images: int
    regret: float | None = None
    regret_low: float | None = None
    regret_high: float | None = None


@dataclass(frozen=True)
class SearchAgreement:
    """How far a search on the coreset gives what one on the whole pool would have given (docs/method.md).

    Attributes
    ----------
    tau : float or None
        Kendall's τ-b of validation accuracies on coreset and pool, −1 to 1; None with fewer than three complete trials,
        or where all accuracies of one side are equal.
    p_value : float or None
        Two-sided, of no association.
    n_ranked : int
        Trials that were complete on the coreset.
    regret : float
        Validation accuracy on the pool of the best of all trials there, minus that of the coreset's best configuration.
    once_seconds : float
        What the selection cost once: features, clusters and ranking.
    pays_after : int or None
        Trials after which the selection has paid for itself; None if a training on the coreset is not faster.
    """

    tau: float | None
    p_value: float | None
    n_ranked: int
    regret: float
    once_seconds: float
    pays_after: int | None


@dataclass(frozen=True)
class SearchResult:
    """A finished search.

    Attributes
    ----------
    method : str
        ``"tpe"``, ``"random"`` or ``"grid"``.
    network : str
    network_words : str
        As a sentence has it, such as ``"custom network"``.
    sampler : str
    titles : mapping of str to str
        Of the hyperparameters, by name, in the sequence of the columns.
    trials : tuple of SearchTrial
        Best on the coreset first, pruned ones last.
    n_coreset, n_pool : int
        Images trained on; `n_pool` is 0 if the pool was not searched.
    coreset_seconds, pool_seconds : float
        Training time of all trials.
    agreement : SearchAgreement or None
        None without a search on the pool.
    test : SearchTest or None
        None where it was not recorded.
    notes : tuple of str
        Sentences on the search and on stored runs that could not be read.
    """

    method: str
    network: str
    network_words: str
    sampler: str
    titles: Mapping[str, str]
    trials: tuple[SearchTrial, ...]
    n_coreset: int
    n_pool: int
    coreset_seconds: float
    pool_seconds: float
    agreement: SearchAgreement | None = None
    test: SearchTest | None = None
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> SearchTrial:
        """The complete trial with the highest validation accuracy on the coreset, of several the first."""
        return self.trials[0]

    @property
    def n_pruned(self) -> int:
        """Number of trials that were ended early on the coreset."""
        return sum(not trial.is_ranked for trial in self.trials)


SearchPart = Epoch | Note | SearchTrial
"""What a search publishes while it runs."""
