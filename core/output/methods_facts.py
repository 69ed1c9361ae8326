"""Recorded facts about a study or an export, from which its Methods paragraph is written."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coreset_studio.core.descriptions import plugins_used
from coreset_studio.core.errors import ExportError
from coreset_studio.core.forms import LIST_BYTES, FormError, read_form, read_json
from coreset_studio.core.libraries import library_versions
from coreset_studio.core.output.content import ReportContent
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.output.manifest_writing import sets_values
from coreset_studio.core.results import Comparison, Coreset, ModelUsed, WeightsUsed
from coreset_studio.core.selection.class_budgets import rule_over_classes
from coreset_studio.core.settings import Settings, names_used, settings_from_dict, settings_to_dict
from coreset_studio.core.settings.chosen_file import without_places
from coreset_studio.core.training.metrics import METRICS
from coreset_studio.core.version import __version__


@dataclass(frozen=True)
class SetFacts:
    """How the images were divided.

    Attributes
    ----------
    pool, validation, test, excluded, relabelled : int
        Numbers of images.
    grouped : bool
        Whether any image belongs to a group.
    predefined : bool
        Whether the split came with the dataset.
    unlabelled : int
        Images without a label.
    """

    pool: int
    validation: int
    test: int
    excluded: int
    relabelled: int
    grouped: bool
    predefined: bool
    unlabelled: int = 0


@dataclass(frozen=True)
class WeightFacts:
    """Weights of an extractor, or a model of the user; `network` is the one that uses it, empty for selection."""

    extractor: str
    sha256: str
    state: str
    network: str = ""
    model: ModelUsed | None = None


@dataclass(frozen=True)
class CoresetFacts:
    """The coreset that was selected or exported.

    Attributes
    ----------
    sampler, rule : str
        `rule` is the one that divided the images over the classes; empty where there was none.
    images, pool : int
    seed : int
    kept : int
        Images of an earlier coreset.
    pinned_in, pinned_out : int
    largest_class : int
        Images of the largest class of the pool.
    parts : int
        In how many parts large classes (or a large pool) were ranked, in total.
    """

    sampler: str
    rule: str
    images: int
    pool: int
    seed: int
    kept: int = 0
    pinned_in: int = 0
    pinned_out: int = 0
    largest_class: int = 0
    parts: int = 0


@dataclass(frozen=True)
class TrainingFacts:
    """The trained networks.

    Attributes
    ----------
    networks, samplers : tuple of str
        In the order of the table; samplers without the whole pool.
    fractions : tuple of float
        Below 1.
    everything : bool
        Whether the whole pool was trained on.
    runs, repetitions, splits, folds : int
        Repetitions of each split; `folds` is 0 without folds.
    metrics : tuple of str
    equivalence : bool
        Whether equality with the whole pool was tested.
    """

    networks: tuple[str, ...]
    samplers: tuple[str, ...]
    fractions: tuple[float, ...]
    everything: bool
    runs: int
    repetitions: int
    splits: int
    folds: int
    metrics: tuple[str, ...]
    equivalence: bool


@dataclass(frozen=True)
class SearchFacts:
    """A hyperparameter search.

    Attributes
    ----------
    network : str
    method : str
        ``"tpe"``, ``"random"`` or ``"grid"``.
    trials, pruned : int
        Configurations trained on the coreset, and how many of them were ended early.
    pool : int
        Images of the whole pool, where the configurations were trained on it, too; else 0.
    values : mapping of str to float
        Title and value of each hyperparameter in the configuration that was selected.
    test : int
        Test images that it was evaluated on; 0 if that was not recorded.
    """

    network: str
    method: str
    trials: int
    pruned: int
    pool: int
    values: dict[str, float]
    test: int


@dataclass(frozen=True)
class MethodsFacts:
    """The record of a study or an export; None or empty values are unknown, or the step was not run.

    Attributes
    ----------
    version : str
        Of the program.
    libraries : mapping of str to str
    settings : mapping
        In their stored form.
    images, classes : int
        Of the dataset.
    sets : SetFacts or None
    weights : tuple of WeightFacts
    ks : tuple of int
        Numbers of clusters, by class.
    chosen_by : tuple of str
        See `core.results.ClassClusters`, by class.
    coreset : CoresetFacts or None
    training : TrainingFacts or None
    plugins : mapping of str to str
    synthetic : bool
    earlier : int
        Images of the earlier coreset that all coresets continue from; 0 without one.
    search : SearchFacts or None
    """

    version: str
    libraries: dict[str, str]
    settings: dict[str, Any]
    images: int
    classes: int
    sets: SetFacts | None = None
    weights: tuple[WeightFacts, ...] = ()
    ks: tuple[int, ...] = ()
    chosen_by: tuple[str, ...] = ()
    coreset: CoresetFacts | None = None
    training: TrainingFacts | None = None
    plugins: dict[str, str] = field(default_factory=dict)
    synthetic: bool = False
    earlier: int = 0
    search: SearchFacts | None = None

    @property
    def has_labels(self) -> bool:
        """Whether any image has a label."""
        return self.sets is None or not 0 < self.sets.unlabelled == self.images

    @property
    def read_settings(self) -> Settings:
        """The settings."""
        return settings_from_dict(self.settings)


def facts_of(content: ReportContent) -> MethodsFacts:
    """Return what a report knows."""
    settings = content.settings or Settings()
    nameless = _without_names(settings)
    training = _training(content.comparison) if content.comparison is not None and content.comparison.runs else None
    measured = training.metrics if training is not None else ()
    used = plugins_used({**names_used(settings), "source": (content.dataset.kind,), "metric": measured})
    return MethodsFacts(
        version=__version__,
        libraries=dict(content.versions) or library_versions(),
        settings=settings_to_dict(nameless),
        images=len(content.dataset.images),
        classes=len(content.dataset.classes) - bool(content.dataset.without_label),
        sets=read_form(sets_values(content.dataset, content.split), SetFacts) if content.split is not None else None,
        weights=(*_weights(content.weights), *_backbones(content.comparison)),
        ks=tuple(each.k for each in content.clusters),
        chosen_by=tuple(each.chosen_by for each in content.clusters),
        coreset=_coreset(content.coreset, settings) if content.coreset is not None else None,
        training=training,
        plugins={name: str(plugin) for name, plugin in used.items()},
        earlier=len(settings.selection.continue_from.images) if settings.selection.continue_from is not None else 0,
        synthetic=any(label.startswith("The images are synthetic") for label in content.labels),
    )


def _without_names(settings: Settings) -> Settings:
    """Return settings without what names images or folders: the paragraph counts them, and does not name them."""
    data = replace(settings.data, left_out_images=(), left_out_patterns=(), relabelled=())
    selection = replace(settings.selection, pinned_in=(), pinned_out=(), continue_from=None)
    features = without_places(settings.features, private=True)
    return replace(settings, data=data, selection=selection, features=features)


def _weights(weights: "tuple[WeightsUsed, ...]", network: str = "") -> tuple[WeightFacts, ...]:
    return tuple(WeightFacts(each.extractor, each.digest, each.state, network, each.model) for each in weights)


def _backbones(comparison: Comparison | None) -> tuple[WeightFacts, ...]:
    """Return the weights that networks build on or take as input, each once."""
    runs = comparison.runs if comparison is not None else ()
    found = [fact for run in runs if run.weights is not None for fact in _weights((run.weights,), run.key.network)]
    return tuple(dict.fromkeys(found))


def _coreset(coreset: Coreset, settings: Settings) -> CoresetFacts:
    selection = settings.selection
    return CoresetFacts(
        coreset.sampler,
        rule_over_classes(coreset, selection) or "",
        len(coreset.indices),
        sum(coreset.pool_sizes.values()),
        coreset.seed,
        len(coreset.kept),
        len(selection.pinned_in),
        len(selection.pinned_out),
        max(coreset.pool_sizes.values(), default=0),
        sum(coreset.parts.values()),
    )


def _training(comparison: Comparison) -> TrainingFacts:
    rows, runs = comparison.rows, comparison.runs
    partial = [row for row in rows if row.fraction < 1]
    repetitions = {(run.key.split, run.key.repetition) for run in runs}
    by_split = [sum(split == one for split, _ in repetitions) for one in {split for split, _ in repetitions}]
    return TrainingFacts(
        networks=tuple(dict.fromkeys(row.network for row in rows)),
        samplers=tuple(dict.fromkeys(row.sampler for row in partial)),
        fractions=tuple(sorted({row.fraction for row in partial})),
        everything=any(row.fraction >= 1 for row in rows),
        runs=len(runs),
        repetitions=max(by_split, default=1),
        splits=comparison.n_splits,
        folds=comparison.folds,
        metrics=_measured(comparison),
        equivalence=any(answer.is_equal is not None for answer in comparison.answers),
    )


def _measured(comparison: Comparison) -> tuple[str, ...]:
    """Return the metrics that have a value in any run."""
    found = {name: value for run in comparison.runs for name, value in run.metrics.values.items() if value == value}
    return tuple(name for name in METRICS if name in found) + tuple(name for name in found if name not in METRICS)


# --- from a manifest ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _DatasetForm:
    images: int
    classes: tuple[str, ...]


@dataclass(frozen=True)
class _ClassForm:
    k: int
    chosen_by: str


@dataclass(frozen=True)
class _CoresetForm:
    sampler: str
    images: int
    pool: dict[str, int]
    class_budgets: str = ""
    parts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _ParentForm:
    kept: int


@dataclass(frozen=True)
class _ManifestForm:
    """The facts for a Methods paragraph from a `coreset.json`."""

    version: str
    libraries: dict[str, str]
    settings: dict[str, Any]
    seeds: dict[str, int]
    dataset: _DatasetForm
    weights: tuple[WeightFacts, ...]
    clusters: dict[str, _ClassForm]
    coreset: _CoresetForm
    pinned: dict[str, tuple[tuple[str, str], ...]]
    notes: tuple[str, ...]
    sets: SetFacts | None = None
    parent: _ParentForm | None = None
    plugins: dict[str, str] = field(default_factory=dict)


def facts_of_manifest(file: Path) -> MethodsFacts:
    """Return what a `coreset.json`, or the export folder `file`, records.

    Raises
    ------
    ExportError
        If it cannot be read.
    """
    manifest = read_manifest(file)
    try:
        form = read_form(read_json(manifest.file, limit=LIST_BYTES), _ManifestForm)
    except (OSError, FormError) as error:
        raise ExportError(f"{manifest.file} is damaged: {error}.") from error
    coreset = form.coreset
    return MethodsFacts(
        version=form.version,
        libraries=form.libraries,
        settings=settings_to_dict(_without_names(manifest.settings)),
        images=form.dataset.images,
        classes=len(form.dataset.classes) - bool(form.sets is not None and form.sets.unlabelled),
        sets=form.sets,
        weights=form.weights,
        ks=tuple(each.k for each in form.clusters.values()),
        chosen_by=tuple(each.chosen_by for each in form.clusters.values()),
        coreset=CoresetFacts(
            coreset.sampler,
            coreset.class_budgets,
            coreset.images,
            sum(coreset.pool.values()),
            form.seeds.get("selection", manifest.settings.selection.seed),
            form.parent.kept if form.parent is not None else 0,
            len(form.pinned.get("in", ())),
            len(form.pinned.get("out", ())),
            max(coreset.pool.values(), default=0),
            sum(coreset.parts.values()),
        ),
        plugins=form.plugins,
        synthetic=any(note.startswith("The images are synthetic") for note in form.notes),
    )
