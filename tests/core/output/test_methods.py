"""The Methods paragraph: what it says for every sampler, extractor, network, recipe and split, and what it cites."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.descriptions import all_kinds
from coreset_studio.core.errors import ExportError
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.forms import read_form, write_form
from coreset_studio.core.output.methods import Methods, methods
from coreset_studio.core.output.methods_facts import (
    CoresetFacts,
    MethodsFacts,
    SearchFacts,
    SetFacts,
    TrainingFacts,
    WeightFacts,
)
from coreset_studio.core.output.references import cited, references
from coreset_studio.core.pipeline.methods import FACTS, read_methods
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.settings import (
    ClusterSettings,
    DataSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
    settings_to_dict,
    with_own,
)
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.metrics import METRICS

GOLDEN = Path(__file__).parents[2] / "golden" / "format-1" / "study"
LIBRARIES = {"python": "3.12.1", "numpy": "2.1.0", "tensorflow-cpu": "2.18.0"}
SETS = SetFacts(pool=80, validation=20, test=40, excluded=0, relabelled=0, grouped=False, predefined=False)
DIGEST = "ab" * 32


def facts(settings: Settings | None = None, **changes: Any) -> MethodsFacts:
    known = MethodsFacts(
        version="0.1.0", libraries=LIBRARIES, settings=settings_to_dict(settings or Settings()), images=140, classes=3,
        sets=SETS, ks=(2, 4, 1), chosen_by=("silhouette", "silhouette", "only"),
    )  # fmt: skip
    return replace(known, **changes)


def coreset(sampler: str, rule: str = "proportional", **changes: Any) -> CoresetFacts:
    return replace(CoresetFacts(sampler, rule, images=20, pool=80, seed=7), **changes)


def trained(*networks: str, **changes: Any) -> TrainingFacts:
    plain = TrainingFacts(
        networks=networks, samplers=("stratified",), fractions=(0.1, 0.25), everything=True, runs=3, repetitions=1,
        splits=1, folds=0, metrics=("accuracy", "f1"), equivalence=False,
    )  # fmt: skip
    return replace(plain, **changes)


def check(found: Methods) -> str:
    """Check what holds for every paragraph, and return its text."""
    text = found.text
    for sentence in found.sentences:
        assert sentence.endswith(".")
        assert sentence[0] == sentence[0].upper()
        assert sentence.count("(") == sentence.count(")")
    assert not re.search(r"None|nan|  |\( |\(\)| ,|\.\.|\{|\}|, \)|; \)", text)
    assert set(found.keys) <= set(references())
    for key in found.keys:
        assert references()[key].short in text
        assert references()[key].text in found.bibtex
    assert found.bibtex.count("@") - found.bibtex.count("\\@") >= len(set(found.keys))
    return text


# --- descriptions and references ----------------------------------------------------------------------------------


def test_what_descriptions_cite_is_in_the_file_and_they_have_words() -> None:
    for kind, known in all_kinds().items():
        for name, description in known.items():
            if name in known.plugins:
                continue
            assert set(description.references) <= set(references()), name
            if kind in ("sampler", "extractor", "network"):
                assert description.methods, name
                assert not description.methods.endswith(".")


def test_references_have_what_a_citation_needs() -> None:
    assert len(references()) > 20
    for key, each in references().items():
        assert {"author", "title", "year"} <= set(each.fields), key
        assert each.text.count("{") == each.text.count("}")
        assert re.fullmatch(r"[A-Z][\w' -]+( et al\.| and [A-Z][\w' -]+)?, \d{4}", each.short), each.short
    assert cited(["simonyan2014"]) == " (Simonyan and Zisserman, 2014)"
    assert cited(["chen2010", "welling2009", "none"]) == " (Chen et al., 2010; Welling, 2009)"
    assert cited(["none"]) == ""


# --- images and splits --------------------------------------------------------------------------------------------


def test_a_random_split_is_told_with_its_counts() -> None:
    text = check(methods(facts(Settings(data=DataSettings(split_seed=5)), coreset=coreset("random", ""))))
    assert text.startswith(
        "The dataset consisted of 140 images of 3 classes. The images were divided at random, stratified by class "
        "(seed 5), into 80 training images (the pool), 20 validation images and 40 test images. Images with identical "
        "pixels were never divided between the sets."
    )


@pytest.mark.parametrize(
    ("sets", "data", "splits", "folds", "said", "unsaid"),
    [
        ({"predefined": True}, {}, 1, 0, "The split that came with the dataset was used, with 80", "identical pixels"),
        ({"grouped": True}, {}, 1, 0, "identical pixels and images of the same group were never", "folds"),
        ({}, {"group_pattern": "(.*)"}, 1, 0, "and images of the same group were never divided", "folds"),
        ({}, {"near_duplicates_together": True}, 1, 0, "near-duplicates (at most 2 of 64 bits", "group"),
        ({}, {"folds": 5}, 5, 5, "divided into 5 folds, stratified by class (seed 0), each of which was", "random,"),
        ({}, {"folds": 5}, 1, 0, "the first of which was the test set; there were 80 training images", "each of which"),
        ({}, {}, 4, 0, "stratified by class, 4 times (seeds from 0); the first time into 80", "folds"),
        ({"excluded": 2, "relabelled": 1}, {}, 1, 0, "of 1 image were corrected before the analysis. 2", "folds"),
        ({"excluded": 1}, {}, 1, 0, "1 image was excluded.", "labels of"),
    ],
)  # fmt: skip
def test_every_split_is_told_as_it_is(
    sets: dict[str, Any], data: dict[str, Any], splits: int, folds: int, said: str, unsaid: str
) -> None:
    known = facts(Settings(data=DataSettings(**data)), sets=replace(SETS, **sets))
    text = check(methods(replace(known, training=trained("custom", splits=splits, folds=folds))))
    assert said in text
    assert unsaid not in text
    assert ("corrected resampled t-test (Nadeau and Bengio, 2003)" in text) == (splits > 1)
    assert ("paired bootstrap" in text) == (splits == 1)


# --- samplers and features ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_is_told_with_what_it_used(name: str) -> None:
    sampler = SAMPLERS[name]
    rule = "" if sampler.scope == "pool" else sampler.budget_rule("recommended")
    found = methods(facts(Settings(selection=SelectionSettings(sampler=name)), coreset=coreset(name, rule)))
    text = check(found)
    assert sampler.methods in text
    assert "A coreset of 20 of the 80 images of the pool (25 %) was selected by " in text
    assert set(sampler.references) <= set(found.keys)
    assert ("(seed 7)" in text) == sampler.uses_seed
    needs = sampler.uses_embedding or sampler.uses_clusters or rule == "difficulty"
    assert ("Features were extracted" in text) == needs
    assert ("clustered by K-Medoids" in text) == sampler.uses_clusters
    assert ("distributed among the classes" in text) == bool(rule)
    assert ("over the pool to at most 50 components" in text) == (sampler.scope == "joint")
    by_class = sampler.scope == "class" and needs
    assert ("Within each class, they were reduced" in text) == by_class


def test_own_settings_of_a_sampler_are_told() -> None:
    selection = with_own(SelectionSettings(sampler="balanced-herding", beta=0.5), "balanced-herding", mu=0.125)
    text = check(methods(facts(Settings(selection=selection), coreset=coreset("balanced-herding", "difficulty"))))
    assert "weight of small clusters: 0.125)" in text
    assert "neighbours of an image (exponent 0.5)." in text


@pytest.mark.parametrize(
    "rule", ["equal", "square-root", "equal-then-square-root", "square-root-difficulty", "by-hand"]
)
def test_every_rule_over_classes_is_told(rule: str) -> None:
    text = check(methods(facts(coreset=coreset("stratified", rule))))
    assert "The images were distributed among the classes " in text
    assert rule not in ("equal", "by-hand") or "square roots" not in text


def test_numbers_of_clusters_and_samples_are_told() -> None:
    settings = Settings(clusters=ClusterSettings(k_max=8, seed=3, sample_above=5000))
    known = facts(settings, coreset=coreset("intelligent"), ks=(2, 4, 6), chosen_by=("silhouette", "only", "user"))
    text = check(methods(known))
    assert "(Schubert and Rousseeuw, 2021; seed 3)" in text
    assert "at most 8, was the one with the largest mean silhouette (Rousseeuw, 1987); it was 2." in text
    assert "For 1 class, the number of clusters was set by hand." in text
    assert "Classes of more than 5,000 images were clustered on a random sample" in text


def test_what_was_done_beyond_the_limit_of_exact_stages_is_told() -> None:
    large = coreset("balanced-herding", largest_class=50_000, parts=12)
    text = check(methods(facts(coreset=large)))
    assert "Classes of more than 20,000 images were clustered on a random sample, and the medoids were then" in text
    assert "divided into parts of neighbouring images (12 in total), which were ranked separately." in text
    assert "20,000" not in check(methods(facts(coreset=coreset("balanced-herding", largest_class=20_000))))


@pytest.mark.parametrize(("rule", "pool", "is_told"), [("difficulty", 20_001, True), ("difficulty", 20_000, False),
                                                        ("proportional", 50_000, False)])  # fmt: skip
def test_approximate_neighbours_are_told_where_budgets_use_them(rule: str, pool: int, is_told: bool) -> None:
    text = check(methods(facts(coreset=replace(coreset("balanced-herding", rule), pool=pool))))
    assert ("searched approximately, in an inverted file of k-means cells" in text) == is_told


@pytest.mark.parametrize("name", list(EXTRACTORS))
@pytest.mark.parametrize("state", ["verified", "unverified", "untrained"])
def test_every_extractor_is_told_with_its_weights(name: str, state: str) -> None:
    has_weights = bool(EXTRACTORS[name].weights)
    weights = WeightFacts(name, DIGEST if has_weights else "", state if has_weights else "none")
    settings = Settings(features=FeatureSettings(extractors=(name,)))
    found = methods(facts(settings, coreset=coreset("herding"), weights=(weights,)))
    text = check(found)
    assert EXTRACTORS[name].methods in text
    assert set(EXTRACTORS[name].references) <= set(found.keys)
    assert (f"weights SHA-256 {DIGEST}" in text) == (has_weights and state != "untrained")
    assert ("with random weights" in text) == (has_weights and state == "untrained")
    assert ("not a known set" in text) == (has_weights and state == "unverified")
    assert ("TensorFlow 2.18.0" in text) == has_weights
    assert "concatenated" not in text


def test_several_extractors_are_concatenated() -> None:
    features = FeatureSettings(extractors=("colour-texture", "vgg16"), variance=0.9)
    text = check(methods(facts(Settings(features=features), coreset=coreset("herding"))))
    assert "explain 90 % of the variance, scaled so that all extractors have the same mean squared norm" in text


def test_what_was_kept_and_pinned_is_told() -> None:
    text = check(methods(facts(coreset=coreset("stratified", kept=12, pinned_in=1, pinned_out=2))))
    assert "12 images of an earlier coreset were kept, and the others were selected in addition." in text
    assert "1 image was included by hand. 2 images were excluded from the selection by hand." in text


def test_a_sampler_of_a_plugin_that_is_not_here_is_named_with_it() -> None:
    text = check(methods(facts(coreset=coreset("spiral", ""), plugins={"sampler spiral": "shapes 1.2"})))
    assert "was selected by the sampler spiral (plugin shapes 1.2)" in text


def test_synthetic_images_are_called_so() -> None:
    assert "140 synthetic images of 3 classes" in check(methods(facts(synthetic=True)))


# --- trainings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(NETWORKS))
@pytest.mark.parametrize("recipe", ["paper", "recommended"])
def test_every_network_is_told_with_how_it_was_trained(name: str, recipe: str) -> None:
    network = NETWORKS[name]
    settings = Settings(training=TrainingSettings(recipe=recipe, orientation="free", image_size=128, epochs=9))
    found = methods(facts(settings, training=trained(name)))
    text = check(found)
    assert f"The network trained was {network.methods} (" in text
    assert set(network.references) <= set(found.keys)
    assert ("images of 128 × 128 pixels with Adam (Kingma and Ba, 2014) for 9 epochs" in text) == network.by_epochs
    assert ("flips and rotations" in text) == (network.by_epochs and recipe == "recommended")
    assert ("L2-penalised output layer" in text) == (network.needs_backbone and recipe == "recommended")
    ends = network.needs_backbone and recipe == "recommended"  # its output layer has one optimum
    assert ("highest accuracy on the validation images" in text) == (network.by_epochs and not ends)
    assert (f"Of the {network.title_inside}, the weights of the last epoch were kept." in text) == ends
    assert ("TensorFlow" in text) == network.by_epochs
    assert ("Features were extracted" in text) == network.sees_embeddings


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("flips_and_turns", "on", "random flips and rotations"), ("class_weights", "on", "class weights inversely"),
        ("weight_decay", 0.01, "AdamW (Loshchilov and Hutter, 2019) (weight decay 0.01)"),
        ("label_smoothing", 0.1, "label smoothing of 0.1"), ("averaged_weights", 0.99, "momentum 0.99"),
        ("shifts", 0.05, "shifts by at most 5 %"), ("zoom", 0.1, "zoom by at most 10 %"),
        ("brightness", 0.2, "brightness by at most 20 %"), ("contrast", 0.2, "contrast by at most 20 %"),
        ("stain_jitter", 0.05, "stains by at most 5 %"), ("fine_tuning", "on", "fine-tuning of the last"),
        ("soft_labels", 0.5, "soft labels of a teacher fitted out of fold on the pool (weight 0.5 and temperature 2)"),
        ("steps", "equal", "for at least as many steps as the pool"),
        ("checks", 5, "evaluated after at most 5 epochs, evenly spread"),
        ("dropout", 0.3, "The dropout rate was 0.3 (the custom network)"),
    ],
)  # fmt: skip
def test_every_part_of_a_training_is_told_where_it_is_on(part: str, value: Any, words: str) -> None:
    plain = TrainingSettings(orientation="free")
    known = facts(training=trained("custom", "transfer"))
    on = check(methods(replace(known, settings=settings_to_dict(Settings(training=replace(plain, **{part: value}))))))
    off = check(methods(replace(known, settings=settings_to_dict(Settings(training=plain)))))
    assert words in on
    assert words not in off
    assert ("Features were extracted" in on) == (part == "soft_labels")


def test_parts_of_a_backbone_are_not_told_of_other_networks() -> None:
    settings = Settings(training=TrainingSettings(fine_tuning="on", regularised_output="on"))
    text = check(methods(facts(settings, training=trained("custom"))))
    assert "backbone" not in text


@pytest.mark.parametrize("part", ["shifts", "zoom", "brightness", "contrast", "stain_jitter"])
def test_changes_of_pixels_are_not_told_of_a_network_on_features(part: str) -> None:
    settings = Settings(training=TrainingSettings(**{part: 0.1}, orientation="free", flips_and_turns="on"))
    both = check(methods(facts(settings, training=trained("custom", "transfer"))))
    alone = check(methods(facts(settings, training=trained("transfer"))))
    assert "Training of the custom network used random flips and rotations by multiples of 90° and random " in both
    assert "Training of the transfer network used random flips and rotations by multiples of 90°." in both
    assert "Training used random flips and rotations by multiples of 90°." in alone


def test_fine_tuning_keeps_the_best_epoch() -> None:
    settings = Settings(training=TrainingSettings(recipe="recommended", fine_tuning="on"))
    text = check(methods(facts(settings, training=trained("transfer"))))
    assert "at 0.1 times the learning rate" in text
    assert "Of the transfer network, the weights with the highest accuracy" in text


def test_without_validation_images_the_last_weights_are_kept() -> None:
    text = check(methods(facts(sets=replace(SETS, validation=0), training=trained("custom"))))
    assert "Of the custom network, the weights of the last epoch were kept." in text
    assert "0 validation images" in text


def test_rows_repetitions_and_equality_are_told() -> None:
    training = trained("head", samplers=("random", "even-herding", "matched:even-herding"), repetitions=3, runs=12,
                       equivalence=True)  # fmt: skip
    text = check(methods(facts(training=training, earlier=5)))
    assert "Coresets of 10 % and 25 % of the pool, selected by random sampling" in text
    assert "with the same class budgets as even herding, were compared, and the whole pool was trained on" in text
    assert "12 trainings were done in total, with up to 3 repetitions, each with its own seed" in text
    assert "two one-sided tests (Schuirmann, 1987) with a margin of 1 percentage point of accuracy" in text
    assert "square roots of the class sizes (even herding)" in text
    assert "All coresets contain the images of an earlier coreset that are in their pool." in text
    assert "On the test images, accuracy and F1 were computed." in text


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_is_told_with_what_it_cites(name: str) -> None:
    found = methods(facts(training=trained("head", metrics=(name,))))
    text = check(found)
    assert f"On the test images, {METRICS[name].title_inside}{cited(METRICS[name].references)} was computed." in text
    assert set(METRICS[name].references) <= set(found.keys)


def test_weights_of_a_backbone_are_told_with_the_network() -> None:
    weights = (WeightFacts("resnet101v2", DIGEST, "verified", "transfer"),)
    text = check(methods(facts(training=trained("transfer", samplers=(), fractions=()), weights=weights)))
    assert f"backbone: ResNet101V2; He et al., 2016; weights SHA-256 {DIGEST}" in text
    assert "Networks were trained on the whole pool." in text


# --- searches -----------------------------------------------------------------------------------------------------


def searched(**changes: Any) -> SearchFacts:
    values = {"Learning rate": 0.00123456, "Dropout of the custom network": 0.3}
    return replace(SearchFacts("custom", "tpe", trials=20, pruned=6, pool=0, values=values, test=40), **changes)


def test_a_search_is_told_with_what_was_selected() -> None:
    text = check(methods(facts(search=searched(), coreset=coreset("herding"))))
    assert (
        "Its hyperparameters (learning rate and dropout of the custom network) were searched with 20 configurations "
        "proposed by the tree-structured Parzen estimator (Bergstra et al., 2011) of Optuna (Akiba et al., 2019), each "
        "trained on the coreset, of which 6 were ended early by the median of earlier ones. The configuration with the "
        "highest accuracy on the validation images was selected: learning rate 0.001235 and dropout of the custom "
        "network 0.3." in text
    )
    assert "The custom network was trained on images of" in text
    assert "evaluated on the 40 test images, with a 95 % Wilson interval of its accuracy." in text
    assert "the whole pool" not in text


@pytest.mark.parametrize(
    ("method", "words"),
    [("random", "12 configurations drawn at random by Optuna (Akiba et al., 2019), each"),
     ("grid", "12 configurations of a grid, each trained on the coreset.")],
)  # fmt: skip
def test_every_method_of_a_search_is_told(method: str, words: str) -> None:
    text = check(methods(facts(search=searched(method=method, trials=12, pruned=0, pool=80, test=0))))
    assert words in text
    assert "were trained on the whole pool of 80 images, and the two rankings were compared by Kendall's τ-b" in text
    assert "Parzen" not in text
    assert "evaluated on" not in text


def test_a_search_of_an_earlier_version_is_refused_in_a_sentence() -> None:
    with pytest.raises(ExportError, match=r"was written by an earlier version\. Search again .* with --overwrite"):
        read_methods(GOLDEN.parents[1] / "search")


# --- files --------------------------------------------------------------------------------------------------------


def test_what_a_study_records_comes_back() -> None:
    known = facts(
        training=trained("head"),
        coreset=coreset("herding"),
        weights=(WeightFacts("vgg16", DIGEST, "verified"),),
        search=searched(),
    )
    assert read_form(json.loads(json.dumps(write_form(known))), MethodsFacts) == known


def test_an_export_of_an_earlier_version_is_described_without_its_split() -> None:
    found = read_methods(GOLDEN / "coreset")
    assert "did not record the sizes of all sets" in found.notes[0]
    assert "divided" not in found.text
    assert "A coreset of " in found.text
    assert "only the selection is described" in read_methods(GOLDEN).notes[0]


BAD_SETTINGS = {**write_form(facts()), "settings": {"data": 5}}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda place: place, "is neither a study nor a search nor an export"),
        (lambda place: place / "none", "cannot be read"),
        (lambda place: (place / "study.json").write_text("{}") and place, "does not contain what a Methods paragraph"),
        (lambda place: (place / FACTS).write_text("{") and place, "is damaged"),
        (lambda place: (place / FACTS).write_text('{"version": 3}') and place, "is damaged"),
        (lambda place: (place / FACTS).write_text(json.dumps(BAD_SETTINGS)) and place, "is damaged"),
    ],
)  # fmt: skip
def test_what_is_no_study_or_export_is_refused(tmp_path: Path, make: Callable[[Path], Path], sentence: str) -> None:
    with pytest.raises(ExportError, match=sentence):
        read_methods(make(tmp_path))
