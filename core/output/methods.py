"""The Methods paragraph of a publication: what was done, in sentences made from what is recorded alone."""

from dataclasses import dataclass, replace

from coreset_studio.core.libraries import LIBRARIES
from coreset_studio.core.output.methods_facts import CoresetFacts, MethodsFacts, SetFacts
from coreset_studio.core.output.methods_training import describe_search, describe_training
from coreset_studio.core.output.methods_writing import Writer, bracketed, counted, listed, were
from coreset_studio.core.output.references import bibtex
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.settings import BY_DIFFICULTY

_PROGRAM = "ashraf2025"
# What is cited for libraries, by the name of their package.
_CITED = {
    "numpy": "harris2020",
    "scipy": "virtanen2020",
    "scikit-learn": "pedregosa2011",
    "kmedoids": "schubert2021",
    "tensorflow-cpu": "tensorflow2015",
    "tensorflow": "tensorflow2015",
}
_TITLES = {"python": "Python", **LIBRARIES}
_DEEP = ("TensorFlow", "Keras")
_MODELS = ("ONNX Runtime",)


@dataclass(frozen=True)
class Methods:
    """A Methods paragraph.

    Attributes
    ----------
    sentences : tuple of str
    keys : tuple of str
        What they cite: keys in `resources/references.bib`.
    """

    sentences: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def text(self) -> str:
        """The paragraph."""
        return " ".join(self.sentences)

    @property
    def bibtex(self) -> str:
        """The cited references, as BibTeX."""
        return bibtex(self.keys)


def methods(facts: MethodsFacts) -> Methods:
    """Return the paragraph for what is recorded about a study or an export."""
    writer = Writer(facts)
    _dataset(writer)
    if _uses_features(writer):
        _features(writer)
    if any(SAMPLERS[name].uses_clusters for name in writer.samplers if name in SAMPLERS):
        _clusters(writer)
    if facts.coreset is not None:
        _coreset(writer, facts.coreset)
    if facts.training is not None:
        describe_training(writer, facts.training)
    if facts.search is not None:
        describe_search(writer, facts.search)
    _software(writer)
    return Methods(tuple(writer.sentences), tuple(dict.fromkeys(writer.keys)))


# --- images -------------------------------------------------------------------------------------------------------


def _dataset(writer: Writer) -> None:
    facts, sets = writer.facts, writer.facts.sets
    what = "synthetic image" if facts.synthetic else "image"
    if not facts.has_labels:
        writer.say(f"The dataset consisted of {counted(facts.images, what)} without labels.")
        if sets is not None and sets.excluded:
            writer.say(f"{counted(sets.excluded, 'image')} {were(sets.excluded)} excluded.")
        return
    unlabelled = sets.unlabelled if sets is not None else 0
    also = f", and {counted(unlabelled, what)} without a label, which {were(unlabelled)} not used" if unlabelled else ""
    writer.say(
        f"The dataset consisted of {counted(facts.images - unlabelled, what)} of "
        f"{counted(facts.classes, 'class', 'classes')}{also}."
    )
    if sets is None:
        return
    sets = replace(sets, excluded=sets.excluded - unlabelled)
    if sets.relabelled:
        writer.say(f"The labels of {counted(sets.relabelled, 'image')} were corrected before the analysis.")
    if sets.excluded:
        writer.say(f"{counted(sets.excluded, 'image')} {were(sets.excluded)} excluded.")
    _split(writer, sets)


def _split(writer: Writer, sets: SetFacts) -> None:
    data, training = writer.settings.data, writer.facts.training
    counts = (
        f"{counted(sets.pool, 'training image')} (the pool), {counted(sets.validation, 'validation image')} and "
        f"{counted(sets.test, 'test image')}"
    )
    n_splits = training.splits if training is not None else 1
    seed = f"stratified by class (seed {data.split_seed})"
    if sets.predefined:
        writer.say(f"The split that came with the dataset was used, with {counts}.")
        return
    if data.folds and n_splits > 1:
        writer.say(
            f"The images were divided into {data.folds} folds, {seed}, each of which was the test set once; with the "
            f"first fold as the test set, there were {counts}."
        )
    elif data.folds:
        writer.say(
            f"The images were divided into {data.folds} folds, {seed}, the first of which was the test set; there were "
            f"{counts}."
        )
    elif n_splits > 1:
        writer.say(
            f"The images were divided at random, stratified by class, {n_splits} times (seeds from {data.split_seed}); "
            f"the first time into {counts}."
        )
    else:
        writer.say(f"The images were divided at random, {seed}, into {counts}.")
    near = ""
    if data.near_duplicates_together:
        near = f", near-duplicates (at most {data.near_duplicate_bits} of 64 bits of a perceptual hash different)"
    grouped = " and images of the same group" if sets.grouped or data.group_pattern else ""
    writer.say(f"Images with identical pixels{near}{grouped} were never divided between the sets.")


# --- features and clusters ----------------------------------------------------------------------------------------


def _uses_features(writer: Writer) -> bool:
    known = [SAMPLERS[name] for name in writer.samplers if name in SAMPLERS]
    rule = writer.settings.selection.budget_over_classes
    rules = {each.budget_rule(rule) for each in known if each.scope != "pool"}
    return (
        any(each.uses_embedding or each.uses_clusters for each in known)
        or any(network.sees_embeddings for network in writer.networks)
        or bool(rules & set(BY_DIFFICULTY))
        or writer.is_taught
    )


def _features(writer: Writer) -> None:
    features, named = writer.settings.features, []
    for name in features.extractors:
        words, keys, plugin = writer.described("extractor", name)
        named.append(f"{words}{bracketed([*writer.inside(keys), *writer.weight_words(name), *plugin])}")
    writer.say(f"Features were extracted with {listed(named)}.")
    known = [SAMPLERS[name] for name in writer.samplers if name in SAMPLERS]
    joined = ""
    if len(features.extractors) > 1:
        joined = ", scaled so that all extractors have the same mean squared norm, and concatenated"
    if any(each.scope == "class" and (each.uses_embedding or each.uses_clusters) for each in known):
        inside = "Within each class, they" if writer.facts.has_labels else "They"
        writer.say(
            f"{inside} were reduced by principal component analysis to the components that explain "
            f"{100 * features.variance:.4g} % of the variance{joined}."
        )
    if any(each.scope == "joint" for each in known):
        writer.say(
            "For selection across classes, they were reduced by principal component analysis over the pool to at most "
            f"50 components per set of features{joined}."
        )


def _clusters(writer: Writer) -> None:
    clusters, facts = writer.settings.clusters, writer.facts
    cite = writer.inside(("schubert2021",))
    what = "Each class was" if facts.has_labels else "The images were"
    writer.say(f"{what} clustered by K-Medoids{bracketed([*cite, f'seed {clusters.seed}'])}.")
    if clusters.sample_above:
        writer.say(
            f"Classes of more than {clusters.sample_above:,} images were clustered on a random sample of this size, "
            "and their other images were assigned to the nearest medoid."
        )
    elif facts.coreset is not None and clusters.is_large(facts.coreset.largest_class):
        writer.say(
            f"Classes of more than {clusters.exact_up_to:,} images were clustered on a random sample, and the medoids "
            "were then refined on all of their images."
        )
    found = [k for k, by in zip(facts.ks, facts.chosen_by, strict=False) if by == "silhouette"]
    if found:
        low, high = min(found), max(found)
        training = facts.training
        first = ""
        if training is not None and training.splits > 1:
            first = f" in the first {'fold' if training.folds else 'split'}"
        writer.say(
            f"The number of clusters, at most {clusters.k_max}, was the one with the largest mean silhouette"
            f"{writer.cite('rousseeuw1987')}; it was {low if low == high else f'{low} to {high}'}{first}."
        )
    by_hand = facts.chosen_by.count("user")
    if by_hand:
        writer.say(f"For {counted(by_hand, 'class', 'classes')}, the number of clusters was set by hand.")


# --- the coreset --------------------------------------------------------------------------------------------------


def _coreset(writer: Writer, coreset: CoresetFacts) -> None:
    words, uses_seed = writer.sampler_words(coreset.sampler)
    seed = f" (seed {coreset.seed})" if uses_seed else ""
    share = f" ({100 * coreset.images / coreset.pool:.3g} %)" if coreset.pool else ""
    writer.say(
        f"A coreset of {coreset.images:,} of the {counted(coreset.pool, 'image')} of the pool{share} was selected by "
        f"{words}{seed}."
    )
    if coreset.parts:
        limit = writer.settings.clusters.exact_up_to
        writer.say(
            f"Where more than {limit:,} images were to be ranked together, they were divided into parts of "
            f"neighbouring images ({coreset.parts} in total), which were ranked separately."
        )
    if coreset.rule and writer.facts.has_labels:
        writer.say(f"The images were distributed among the classes {writer.rule_words(coreset.rule)}.")
    if coreset.rule in BY_DIFFICULTY and writer.settings.clusters.is_large(coreset.pool):
        writer.say("For this, nearest neighbours were searched approximately, in an inverted file of k-means cells.")
    if coreset.kept:
        kept = f"{counted(coreset.kept, 'image')} of an earlier coreset {were(coreset.kept)} kept"
        writer.say(f"{kept}, and the others were selected in addition.")
    if coreset.pinned_in:
        writer.say(f"{counted(coreset.pinned_in, 'image')} {were(coreset.pinned_in)} included by hand.")
    if coreset.pinned_out:
        out = f"{counted(coreset.pinned_out, 'image')} {were(coreset.pinned_out)}"
        writer.say(f"{out} excluded from the selection by hand.")


# --- software -----------------------------------------------------------------------------------------------------


def _software(writer: Writer) -> None:
    facts = writer.facts
    weights = [each for each in facts.weights if each.state != "none"] if _uses_features(writer) else []
    is_used = {_DEEP: any(each.model is None for each in weights) or bool(writer.by_recipe),
               _MODELS: any(each.model is not None for each in weights)}  # fmt: skip
    unused = {name for names, used in is_used.items() if not used for name in names}
    named: dict[str, str] = {}
    for package, version in facts.libraries.items():
        name, key = _TITLES.get(package, package), _CITED.get(package, "")
        if name not in named and name not in unused:
            named[name] = f"{name} {version}{writer.cite(key) if key else ''}"
    libraries = f", with {listed(named.values())}" if named else ""
    writer.say(f"All steps were carried out with Coreset Studio {facts.version}{writer.cite(_PROGRAM)}{libraries}.")
