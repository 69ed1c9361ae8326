"""The sentences of a Methods paragraph on trained networks and their comparison."""

from collections.abc import Sequence

from coreset_studio.core.descriptions import inside_sentence, registry
from coreset_studio.core.output.methods_facts import SearchFacts, TrainingFacts
from coreset_studio.core.output.methods_writing import Writer, bracketed, counted, listed, sampler_title, were
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.settings import PIXEL_PARTS, parts_of
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.metrics import METRICS
from coreset_studio.core.training.network import Network
from coreset_studio.core.training.tuning_costs import tuned_network


def describe_training(writer: Writer, training: TrainingFacts) -> None:
    """Say which coresets were compared, how networks were trained on them, and how these were evaluated."""
    _compared(writer, training)
    _networks(writer, training.networks)
    if writer.by_recipe:
        _recipe(writer)
        _kept_weights(writer)
    if "head" in training.networks:
        writer.say(
            "The strength of the L2 penalty of the linear probe was selected once by 3-fold cross-validation in "
            "the pool."
        )
    _evaluated(writer, training)


def _compared(writer: Writer, training: TrainingFacts) -> None:
    if training.samplers:
        shares = listed([f"{100 * fraction:.4g} %" for fraction in training.fractions])
        coreset = writer.facts.coreset
        titles = []
        for name in training.samplers:
            is_described = coreset is not None and coreset.sampler == name
            titles.append(sampler_title(name) if is_described else writer.sampler_words(name)[0])
        pool = ", and the whole pool was trained on as well" if training.everything else ""
        writer.say(f"Coresets of {shares} of the pool, selected by {listed(titles)}, were compared{pool}.")
        _rules(writer, training)
        if writer.facts.earlier:
            writer.say("All coresets contain the images of an earlier coreset that are in their pool.")
    elif training.everything:
        writer.say("Networks were trained on the whole pool.")
    total = f"{counted(training.runs, 'training')} {were(training.runs)} done in total"
    each = f" in each {'fold' if training.folds else 'split'}" if training.splits > 1 else ""
    seeds = ""
    if training.repetitions > 1:
        seeds = (
            f", with up to {training.repetitions} repetitions{each}, each with its own seed for selection, initial "
            "weights and shuffling"
        )
    writer.say(f"{total}{seeds}.")


def _rules(writer: Writer, training: TrainingFacts) -> None:
    """Say how the images of each coreset were divided over the classes."""
    setting = writer.settings.selection.budget_over_classes
    by_rule: dict[str, list[str]] = {}
    for name in training.samplers:
        sampler = SAMPLERS.get(name)
        if sampler is not None and sampler.scope != "pool":
            by_rule.setdefault(sampler.budget_rule(setting), []).append(sampler.title_inside)
    if by_rule:
        rules = [f"{writer.rule_words(rule)} ({', '.join(titles)})" for rule, titles in by_rule.items()]
        writer.say(f"The images were distributed among the classes {listed(rules)}.")


def describe_search(writer: Writer, search: SearchFacts) -> None:
    """Say which hyperparameters were searched, how, and what was selected by which images."""
    _networks(writer, (search.network,))
    proposed = "of a grid"
    if search.method == "tpe":
        proposed = f"proposed by the tree-structured Parzen estimator{writer.cite('bergstra2011')} of Optuna"
        proposed += writer.cite("akiba2019")
    elif search.method == "random":
        proposed = f"drawn at random by Optuna{writer.cite('akiba2019')}"
    pruned = f", of which {search.pruned:,} {were(search.pruned)} ended early by the median of earlier ones"
    names = listed([inside_sentence(title) for title in search.values])
    writer.say(
        f"Its hyperparameters ({names}) were searched with {counted(search.trials, 'configuration')} {proposed}, each "
        f"trained on the coreset{pruned if search.pruned else ''}."
    )
    selected = listed([f"{inside_sentence(title)} {value:.4g}" for title, value in search.values.items()])
    writer.say(f"The configuration with the highest accuracy on the validation images was selected: {selected}.")
    if search.pool:
        writer.say(
            f"The same configurations were trained on the whole pool of {counted(search.pool, 'image')}, and the two "
            "rankings were compared by Kendall's τ-b over the complete trainings."
        )
    if writer.by_recipe:
        _recipe(writer)
        _kept_weights(writer)
    if search.test:
        writer.say(
            f"The selected configuration alone was evaluated on the {counted(search.test, 'test image')}, with a 95 % "
            f"Wilson interval of its accuracy."
        )


def _networks(writer: Writer, networks: Sequence[str]) -> None:
    named = []
    for name in networks:
        words, keys, plugin = writer.described("network", name)
        inside = [*writer.inside(keys), *plugin]
        network = NETWORKS.get(name)
        if network is not None:
            extractor = network.extractor(writer.settings.training, writer.settings.features.extractors)
            inside += _extractor_words(writer, extractor, name) if extractor else []
        named.append(f"{words}{bracketed(inside)}")
    what = "The networks trained were" if len(named) > 1 else "The network trained was"
    writer.say(f"{what} {listed(named)}.")


def _extractor_words(writer: Writer, extractor: str, network: str) -> list[str]:
    """Return phrases that name the source of a network's features or layers, with citations and weights."""
    _, keys, plugin = writer.described("extractor", extractor)
    known = registry("extractor")
    title = known[extractor].title if extractor in known else extractor
    of = "features" if NETWORKS[network].sees_embeddings else "backbone"
    return [f"{of}: {title}", *writer.inside(keys), *writer.weight_words(extractor, network), *plugin]


def _recipe(writer: Writer) -> None:
    """Say how networks were trained by epochs."""
    chosen, networks = writer.settings.training, writer.by_recipe
    parts = parts_of(chosen)
    decay = f" (weight decay {parts.weight_decay:g})" if parts.weight_decay else ""
    optimiser = f"AdamW{writer.cite('loshchilov2019')}" if decay else f"Adam{writer.cite('kingma2014')}"
    least = f" (more if these were fewer than {chosen.min_steps:,} steps)" if chosen.min_steps else ""
    size = f"{chosen.image_size} × {chosen.image_size} pixels"
    writer.say(
        f"{_named(networks)} {were(len(networks))} trained on images of {size} "
        f"with {optimiser}{decay} for {counted(chosen.epochs, 'epoch')}{least} in batches of "
        f"{counted(chosen.batch_size, 'image')}; the learning rate fell from {chosen.learning_rate:g} to 0 along a "
        "cosine."
    )
    if chosen.steps == "equal":
        writer.say("All coresets were trained for at least as many steps as the pool.")
    by_parts: dict[tuple[str, ...], list[Network]] = {}
    for network in networks:
        by_parts.setdefault(_parts(writer, network), []).append(network)
    for part_words, alike in by_parts.items():
        whose = "" if len(alike) == len(networks) else f" of {_named(alike)}"
        if part_words:
            writer.say(f"Training{whose} used {listed(part_words)}.")
    dropouts = []
    for network in networks:
        amount = getattr(chosen, network.dropout_setting) if network.dropout_setting else 0
        if amount:
            dropouts.append(f"{amount:g} (the {network.title_inside})")
    if dropouts:
        writer.say(f"The dropout rate was {listed(dropouts)}.")


def _named(networks: Sequence[Network]) -> str:
    return listed([f"the {network.title_inside}" for network in networks])


def _parts(writer: Writer, network: Network) -> tuple[str, ...]:
    """Return what the recipe adds to the training of a network, beyond that of the paper."""
    training = writer.settings.training
    parts, temperature = network.parts(training), training.soft_label_temperature
    part_sentences = {
        "flips_and_turns": "random flips and rotations by multiples of 90°",
        "class_weights": "class weights inversely proportional to the class sizes",
        "label_smoothing": f"label smoothing of {parts.label_smoothing:g}",
        "averaged_weights": f"a running average of the weights with momentum {parts.averaged_weights:g}",
        "shifts": f"random shifts by at most {100 * parts.shifts:g} % of the side",
        "zoom": f"random zoom by at most {100 * parts.zoom:g} %",
        "brightness": f"random changes of brightness by at most {100 * parts.brightness:g} % of the range",
        "contrast": f"random changes of contrast by at most {100 * parts.contrast:g} %",
        "stain_jitter": f"random changes of the stains by at most {100 * parts.stain_jitter:g} %",
        "regularised_output": "an L2-penalised output layer on centred and scaled features of the backbone",
        "fine_tuning": "fine-tuning of the last convolutional block of the backbone at 0.1 times the learning rate",
        "soft_labels": f"soft labels of a teacher fitted out of fold on the pool (weight {parts.soft_labels:g} and "
        f"temperature {temperature:g})",
    }
    # Features that are computed once cannot be changed by pixels, and not every backbone has a block to train.
    undone = {
        *(PIXEL_PARTS if network.needs_backbone else ()),
        *(() if _is_tuned(writer, network) else ("fine_tuning",)),
    }
    return tuple(part_sentences[name] for name in parts.used() if name in part_sentences and name not in undone)


def _is_tuned(writer: Writer, network: Network) -> bool:
    return tuned_network(network, writer.settings.training) is not None


def _kept_weights(writer: Writer) -> None:
    """Say which weights of each network were kept."""
    sets, training = writer.facts.sets, writer.settings.training
    if sets is None:
        return
    last: list[Network] = []
    best: list[Network] = []
    for network in writer.by_recipe:
        # The regularised output layer has one optimum, unless a block below it is trained as well.
        has_optimum = network.parts(training).regularised_output and not _is_tuned(writer, network)
        (last if has_optimum or not sets.validation else best).append(network)
    kind = "averaged weights" if parts_of(training).averaged_weights else "weights"
    often = "after every epoch"
    if training.checks is not None:
        often = f"after at most {counted(training.checks, 'epoch')}, evenly spread"
    if best:
        writer.say(
            f"Of {_named(best)}, the {kind} with the highest accuracy on the validation images, which were evaluated "
            f"{often}, were kept."
        )
    if last:
        writer.say(f"Of {_named(last)}, the {kind} of the last epoch were kept.")


def _evaluated(writer: Writer, training: TrainingFacts) -> None:
    titles = []
    for name in training.metrics:
        known = METRICS.get(name)
        plugin = writer.facts.plugins.get(f"metric {name}")
        inside = [*writer.inside(known.references if known else ()), *([f"plugin {plugin}"] if plugin else [])]
        titles.append(f"{known.title_inside if known else name}{bracketed(inside)}")
    if titles:
        writer.say(f"On the test images, {listed(titles)} {were(len(titles))} computed.")
    intervals = "Intervals (95 %) of means over the classes and of differences"
    if training.splits > 1:
        what = "folds" if training.folds else "splits"
        cite = writer.cite("nadeau2003")
        writer.say(f"{intervals} are those of the corrected resampled t-test{cite} over the {what}.")
    else:
        over = "repetitions and test images" if training.repetitions > 1 else "test images"
        writer.say(f"{intervals} were computed by a paired bootstrap with 2,000 resamples of {over}.")
    if training.equivalence:
        margin = 100 * writer.settings.comparison.difference_of_interest
        points = f"{margin:g} percentage point{'s' * (margin != 1)}"
        writer.say(
            f"Equality with the whole pool was tested by two one-sided tests{writer.cite('schuirmann1987')} with a "
            f"margin of {points} of accuracy."
        )
