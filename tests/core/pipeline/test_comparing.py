"""Comparisons: what is trained, what is not trained again, and what makes two runs the same."""

import pickle
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import CancelledError, MissingWeightsError, SelectionError, SettingsError
from coreset_studio.core.estimate import Speeds
from coreset_studio.core.features.extractors import extractor_named
from coreset_studio.core.output.content import ReportContent
from coreset_studio.core.output.report import write_report
from coreset_studio.core.output.training_tables import accuracy_table, cost_table, table_one, verdict_table
from coreset_studio.core.pipeline import comparing, comparison_progress, outlook, split_parts
from coreset_studio.core.pipeline.comparing import Selections, compare_stored, run_comparison, summarise
from coreset_studio.core.pipeline.outlook import plan_view
from coreset_studio.core.pipeline.planning import EVERYTHING, PlannedRun, plan, rows_of
from coreset_studio.core.pipeline.run_keys import backbone_choice, probe_input_of, run_key
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import Epoch, Note, RunKey, RunResult, WeightsUsed
from coreset_studio.core.service.comparison_requests import ReadComparison, WriteReport
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
    with_own,
)
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.fitting import TrainedRun
from coreset_studio.core.training.runs import load_runs

QUICK = with_own(
    TrainingSettings(image_size=32, epochs=1, min_steps=2), "transfer", backbone="mobilenetv2", untrained_backbone=True
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("comparing")
    make_demo(place / "demo", n_images=150, side=64)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        training=QUICK,
        comparison=ComparisonSettings(samplers=("random",), fractions=(0.5, 1.0), networks=("head",), repetitions=2),
    )
    return prepare(Study(place / "demo", settings, place / "cache"))


def asking(prepared: Prepared, training: TrainingSettings | None = None, **changes: Any) -> Prepared:
    """The same study with another comparison or training asked for."""
    settings = prepared.study.settings
    wanted = replace(
        settings, comparison=replace(settings.comparison, **changes), training=training or settings.training
    )
    return replace(prepared, study=replace(prepared.study, settings=wanted))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, float, int]]:
    """What was trained, in order."""
    seen: list[tuple[str, str, float, int]] = []
    original = comparing.train

    def counting(network: str, task: Any, key: Any, progress: Any) -> Any:
        seen.append((network, key.sampler, key.fraction, key.repetition))
        return original(network, task, key, progress)

    monkeypatch.setattr(comparing, "train", counting)
    return seen


class Listener:
    """Notes the runs; stops after a number of them."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.left = stop_after
        self.runs: list[RunResult] = []
        self.shares: list[float] = []
        self.notes: list[str] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        if message.startswith("Training"):
            self.shares.append(done / total)
        if self.left == 0:
            raise CancelledError

    def publish(self, result: object) -> None:
        if isinstance(result, RunResult):
            self.runs.append(result)
            self.left -= 1
        elif isinstance(result, Note):
            assert not self.runs, "notes come first"
            self.notes.append(result.sentence)


def test_controls_stand_beside_what_is_asked_for() -> None:
    def rows(*samplers: str, controls: bool = True) -> tuple[str, ...]:
        return rows_of(ComparisonSettings(samplers=samplers, controls=controls))

    assert rows("random") == ("random", "stratified")
    assert rows("intelligent", "random") == ("intelligent", "random", "stratified")
    assert rows("balanced-herding") == ("balanced-herding", "stratified", "matched:balanced-herding")
    assert rows("stratified", "stratified") == ("stratified",)
    assert rows("balanced-herding", controls=False) == ("balanced-herding",)
    with pytest.raises(SelectionError, match="no sampler named 'dice'"):
        rows("dice")


def test_the_plan_trains_everything_once_and_whole_repetitions_first() -> None:
    planned = plan(
        ComparisonSettings(
            samplers=("random",), fractions=(1.0, 0.1, 0.5, 0.5), networks=("head", "custom", "head"), repetitions=2
        )
    )
    assert len(planned) == len(set(planned)) == 2 * 2 * (1 + 2 * 2)
    assert [one.repetition for one in planned] == [0] * 10 + [1] * 10
    everything = [one for one in planned if one.sampler == EVERYTHING]
    assert [(one.network, one.fraction) for one in everything] == 2 * [("head", 1.0), ("custom", 1.0)]
    # The largest coreset comes first: the smaller ones are cut from its order.
    assert [one.fraction for one in planned[:5]] == [1.0, 0.5, 0.5, 0.1, 0.1]


@pytest.mark.slow
def test_finished_runs_are_not_trained_again(
    prepared: Prepared, tmp_path: Path, trained: list[tuple[str, str, float, int]]
) -> None:
    listener = Listener()
    first = run_comparison(prepared, tmp_path, listener)
    assert len(trained) == 2 * 3
    assert [run.key for run in listener.runs] == [run.key for run in first.runs]
    assert listener.shares == sorted(listener.shares)
    assert listener.shares[-1] == 1
    again = run_comparison(prepared, tmp_path)
    assert len(trained) == 6
    assert again.sentences == first.sentences
    np.testing.assert_equal([vars(row) for row in again.rows], [vars(row) for row in first.rows])
    more = run_comparison(asking(prepared, repetitions=3), tmp_path)
    assert len(trained) == 9
    assert {one[3] for one in trained[6:]} == {2}
    assert more.rows[0].n_repetitions == 3


def test_a_stopped_comparison_keeps_what_is_finished(
    prepared: Prepared, tmp_path: Path, trained: list[tuple[str, str, float, int]]
) -> None:
    with pytest.raises(CancelledError):
        run_comparison(prepared, tmp_path, Listener(stop_after=2))
    finished = len(load_runs(tmp_path).runs)
    assert finished >= 2
    half = compare_stored(prepared, tmp_path)
    assert len(half.runs) == finished
    started = len(trained)
    run_comparison(prepared, tmp_path)
    assert len(trained) - started == 6 - finished


@pytest.mark.slow
def test_a_stored_run_that_cannot_be_read_is_told_and_trained_again(
    prepared: Prepared, tmp_path: Path, trained: list[tuple[str, str, float, int]]
) -> None:
    whole = run_comparison(prepared, tmp_path)
    damaged = min(tmp_path.glob("*.json"))
    damaged.write_text("{")
    found = compare_stored(prepared, tmp_path)
    [note] = found.notes
    assert note.startswith(f"1 stored run could not be read (file {damaged.name}: ")
    assert found.sentences[-1] == note
    assert len(found.runs) == 5
    listener = Listener()
    del trained[:]
    again = run_comparison(prepared, tmp_path, listener)
    assert len(trained) == 1
    assert listener.notes == [note]
    assert again.notes == (note,)
    n = len(whole.answers)  # they tell of measured times
    assert again.sentences[n:] == (*whole.sentences[n:], note)
    assert compare_stored(prepared, tmp_path).notes == ()


@pytest.mark.slow
def test_a_report_says_that_the_only_runs_cannot_be_read(prepared: Prepared, tmp_path: Path) -> None:
    run_comparison(prepared, tmp_path / "runs")
    for file in (tmp_path / "runs").glob("*.json"):
        file.write_text("{")
    WriteReport(prepared.study, tmp_path / "report.html", tmp_path / "runs", synthetic=False).run(NO_PROGRESS)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Networks were not trained, so there are no results on accuracy." in html
    assert "6 stored runs could not be read (file " in html
    assert "All rows are listed under Comparison." not in html


def test_probabilities_are_stored_and_compared_by_and_not_sent_to_the_window(
    prepared: Prepared, tmp_path: Path
) -> None:
    listener = Listener()
    found = run_comparison(prepared, tmp_path, listener)
    for run in (*found.runs, *load_runs(tmp_path).runs):
        assert run.probabilities is not None
        assert run.probabilities.shape == (len(run.true), len(run.classes))
        np.testing.assert_array_equal(run.probabilities.argmax(axis=1), run.predicted)
        np.testing.assert_array_equal(run.probabilities.max(axis=1), run.confidence)
    sent = pickle.loads(pickle.dumps(ReadComparison(prepared.study, tmp_path).run(NO_PROGRESS)))
    assert len(sent.runs) == len(listener.runs) == 6
    for run, mine in zip(found.runs, sent.runs, strict=True):
        assert mine.probabilities is None
        assert mine.metrics.values == run.metrics.values
        np.testing.assert_array_equal(mine.confidence, run.confidence)
    assert all(run.probabilities is None for run in listener.runs)
    assert sent.rows == found.rows


def test_nothing_stored_compares_to_nothing(prepared: Prepared, tmp_path: Path) -> None:
    assert compare_stored(prepared, tmp_path).rows == ()


def test_rows_of_one_repetition_share_their_draw_and_differ_from_another(prepared: Prepared) -> None:
    selections = Selections(prepared, SelectionSettings(seed=5))
    first, again, other = (selections.get(PlannedRun("head", "random", 0.5, repetition))[1] for repetition in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.isin(first, prepared.split.pool).all()
    small = selections.get(PlannedRun("custom", "random", 0.2, 0))
    assert np.isin(small[1], first).all()
    assert small[2] >= selections.get(PlannedRun("head", "random", 0.5, 0))[2] > 0
    coreset, everything, seconds = selections.get(PlannedRun("head", EVERYTHING, 1.0, 0))
    assert (coreset, seconds) == (None, 0.0)
    np.testing.assert_array_equal(everything, prepared.split.pool)


def mark(prepared: Prepared, network: str = "custom", repetition: int = 0, n: int = 20, probe_input: Any = None) -> str:
    planned = PlannedRun(network, "random", 0.5, repetition)
    return run_key(prepared, planned, prepared.split.pool[:n], probe_input).fingerprint


def test_the_key_knows_images_settings_and_repetition(prepared: Prepared) -> None:
    ours = mark(prepared)
    assert mark(prepared) == ours
    assert mark(prepared, n=21) != ours
    assert mark(prepared, repetition=1) != ours
    assert mark(asking(prepared, replace(QUICK, learning_rate=0.1))) != ours
    without = replace(prepared, split=replace(prepared.split, test=prepared.split.test[1:]))
    assert mark(without) != ours
    without = replace(prepared, split=replace(prepared.split, validation=prepared.split.validation[1:]))
    assert mark(without) != ours
    # What the custom network never sees changes nothing.
    assert (
        mark(asking(prepared, with_own(with_own(QUICK, "transfer", backbone="vgg16"), "head", judge_extractor="vgg16")))
        == ours
    )
    assert mark(asking(prepared, repetitions=7)) == ours


def test_the_key_of_a_transfer_network_knows_its_weights(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    untrained = mark(prepared, "transfer")
    assert mark(asking(prepared, with_own(QUICK, "transfer", backbone="vgg16")), "transfer") != untrained
    trained = asking(prepared, with_own(QUICK, "transfer", untrained_backbone=False))
    marks = set()
    for digest in ("aa", "bb"):
        monkeypatch.setattr(
            "coreset_studio.core.training.backbones.weights_used",
            lambda name, digest=digest, **_: WeightsUsed(name, digest, "verified"),
        )
        marks.add(mark(trained, "transfer"))
    assert len(marks | {untrained}) == 3


def test_the_key_of_the_head_knows_what_it_sees_and_nothing_of_epochs(prepared: Prepared) -> None:
    probe_input = probe_input_of(prepared, NETWORKS["head"])
    ours = mark(prepared, "head", probe_input=probe_input)
    assert mark(prepared, "head", probe_input=replace(probe_input, strength=probe_input.strength * 10)) != ours
    assert mark(asking(prepared, replace(QUICK, epochs=9)), "head", probe_input=probe_input) == ours
    smaller = replace(prepared, split=replace(prepared.split, pool=prepared.split.pool[:-1]))
    assert mark(smaller, "head", probe_input=probe_input) != ours


@pytest.mark.slow
def test_a_stored_run_is_told_with_the_clusters_and_places_of_today(prepared: Prepared, tmp_path: Path) -> None:
    run_comparison(prepared, tmp_path)
    [stored] = [run for run in load_runs(tmp_path).runs if run.key.sampler == EVERYTHING and run.key.repetition == 0]
    unclustered = replace(prepared, clusters=())
    found = compare_stored(unclustered, tmp_path)
    assert len(found.runs) == 6
    assert all(np.isnan(run.metrics["worst_cluster_recall"]) for run in found.runs)
    assert all((run.clusters == -1).all() for run in found.runs)
    today = compare_stored(prepared, tmp_path)
    assert [run.metrics.worst_cluster for run in today.runs if run.key == stored.key] == [stored.metrics.worst_cluster]
    np.testing.assert_array_equal(today.runs[0].test_indices, prepared.split.test)


def test_samplers_that_choose_the_same_images_share_one_training(
    prepared: Prepared, tmp_path: Path, trained: list[tuple[str, str, float, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = split_parts.choose
    monkeypatch.setattr(split_parts, "choose", lambda p, s: replace(original(p, replace(s, sampler="random"))))
    found = run_comparison(asking(prepared, repetitions=1, fractions=(0.5,)), tmp_path)
    assert len(trained) == 1
    assert [row.sampler for row in found.rows] == ["random", "stratified"]
    assert found.rows[0].means["accuracy"] == found.rows[1].means["accuracy"]


@pytest.mark.slow
def test_models_of_the_first_repetition_are_kept_under_names_of_their_own(
    prepared: Prepared, tmp_path: Path, trained: list[tuple[str, str, float, int]]
) -> None:
    wanted = asking(prepared, networks=("custom", "head"), fractions=(0.5,), controls=False)
    found = run_comparison(wanted, tmp_path / "runs", keep_models=tmp_path / "models")
    assert len(trained) == 4
    [custom] = [run for run in found.runs if run.key.network == "custom" and run.key.repetition == 0]
    names = [file.name for file in (tmp_path / "models").iterdir()]
    assert names == [f"custom-random-0.5-{custom.key.fingerprint[:8]}"]
    changed = asking(wanted, replace(QUICK, learning_rate=0.01), networks=("custom",), repetitions=1)
    run_comparison(changed, tmp_path / "runs", keep_models=tmp_path / "models")
    assert len(list((tmp_path / "models").iterdir())) == 2


def test_missing_weights_are_told_before_anything_is_trained(
    prepared: Prepared, tmp_path: Path, trained: list[tuple[str, str, float, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: (tmp_path,))
    wanted = asking(prepared, TrainingSettings(image_size=32), networks=("custom", "transfer"))
    with pytest.raises(MissingWeightsError, match="VGG16 or MobileNetV2"):
        run_comparison(wanted, tmp_path / "runs")
    assert trained == []
    assert "ResNet101V2" in plan_view(wanted.study, 100, 20).problem
    assert compare_stored(wanted, tmp_path / "runs").rows == ()


def lack(monkeypatch: pytest.MonkeyPatch, *there: str) -> None:
    """Let only the weights of `there` be on this machine."""

    def find(name: str, **_: Any) -> None:
        if name not in there:
            raise MissingWeightsError(f"The weights of {name} are nowhere.")

    monkeypatch.setattr("coreset_studio.core.pipeline.outlook.find_weights", find)


def test_a_backbone_whose_weights_are_here_is_named_instead(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = asking(prepared, TrainingSettings(image_size=32), networks=("custom", "transfer")).study
    lack(monkeypatch, "mobilenetv2")
    instead = plan_view(study, 100, 20).instead
    assert instead is not None
    training, comparison, words = instead
    assert comparison.networks == ("custom", "transfer")
    assert words == (
        "ResNet101V2 weights are not installed; using MobileNetV2 as the backbone of the transfer network instead."
    )
    works = replace(study, settings=replace(study.settings, training=training, comparison=comparison))
    assert (plan_view(works, 100, 20).problem, plan_view(works, 100, 20).instead) == ("", None)


def test_features_of_a_backbone_are_counted_once_and_by_the_side_of_the_images(prepared: Prepared) -> None:
    study = asking(prepared, TrainingSettings(image_size=448), networks=("custom", "transfer")).study
    per_image = extractor_named("resnet101v2").cost.seconds_per_image
    side = 448 / extractor_named("resnet101v2").input_size
    plan = plan_view(study, 100, 20, 30)
    assert plan.backbones == {"custom": 0.0, "transfer": pytest.approx(150 * per_image * side**2)}


def test_features_in_all_orientations_are_counted_in_the_memory(prepared: Prepared) -> None:
    training = TrainingSettings(orientation="free")
    study = asking(prepared, training, networks=("transfer",), fractions=(1.0,)).study
    turned = asking(prepared, replace(training, flips_and_turns="on"), networks=("transfer",), fractions=(1.0,)).study
    # Of 100,000 images 8 times 2,048 numbers of 4 bytes, and those of one orientation while they are put in place.
    more = plan_view(turned, 100_000, 20, 30).memory_bytes - plan_view(study, 100_000, 20, 30).memory_bytes
    assert more == 9 * 100_000 * 2048 * 4


def test_the_estimate_states_disk_space_and_time_of_fine_tuning_without_a_gpu(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = TrainingSettings(orientation="free", flips_and_turns="on", fine_tuning="on")
    study = asking(prepared, training, networks=("custom", "transfer"), fractions=(0.5, 1.0)).study
    frozen = replace(study, settings=replace(study.settings, training=replace(training, fine_tuning="off")))
    monkeypatch.setattr("coreset_studio.core.pipeline.outlook.has_gpu", lambda: False)
    plan, plain = plan_view(study, 1000, 20, 30), plan_view(frozen, 1000, 20, 30)
    # Of ResNet101V2 at 256 px maps of 8 × 8 × 1,024 numbers of 2 bytes, those of the pool in 8 orientations.
    assert plan.disk_bytes == 2 * 8 * 8 * 1024 * (8 * 1000 + 50)
    assert (plain.disk_bytes, plain.note) == (0, "")
    of_half = {run.network: run.estimate for run in plan.runs if run.fraction == 0.5}
    assert of_half["transfer"].disk_bytes == 2 * 8 * 8 * 1024 * (8 * 500 + 50)
    assert of_half["custom"] == {run.network: run.estimate for run in plain.runs if run.fraction == 0.5}["custom"]
    assert plan.note.startswith("Fine-tuning is meant for a GPU, and no GPU was found")
    assert "(--fine-tuning off)" in plan.note
    told = outlook.fine_tuning_notes(study, 1000, 20, 30)
    assert told == ("Fine-tuning stores up to 1.1 GB of block inputs in the cache.", plan.note)
    assert outlook.fine_tuning_notes(frozen, 1000, 20, 30) == ()
    monkeypatch.setattr("coreset_studio.core.pipeline.outlook.has_gpu", lambda: True)
    assert plan_view(study, 1000, 20, 30).note == ""


def test_speeds_with_fine_tuning_are_kept_apart(prepared: Prepared) -> None:
    tuned = replace(QUICK, fine_tuning="on")
    study = replace(asking(prepared, tuned).study, cache_folder=prepared.study.cache_folder / "speeds apart")
    study.cache_folder.mkdir()
    epochs = tuple(Epoch(number, 1, 1, 1, 1, 0.1, 10.0, 0.0) for number in (1, 2, 3))
    key = RunKey("transfer", "random", 1.0, 0, "mark")
    run: Any = SimpleNamespace(key=key, history=epochs, n_images=100, train_seconds=30.0)
    comparison_progress.remember_training(replace(prepared, study=study), run, 40.0)
    assert set(Speeds.read(study.cache_folder).seconds_per_unit) == {
        "train transfer fine-tuned 32", "start transfer fine-tuned"
    }  # fmt: skip


def test_the_backbone_of_an_extractor_in_use_comes_first(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    study = asking(prepared, TrainingSettings(image_size=32), networks=("transfer",)).study
    lack(monkeypatch, "vgg16", "mobilenetv2")
    for used, expected in (("vgg16", "VGG16"), ("mobilenetv2", "MobileNetV2")):
        features = replace(study.settings.features, extractors=("colour-texture", used))
        instead = plan_view(replace(study, settings=replace(study.settings, features=features)), 100, 20).instead
        assert instead is not None
        assert f"using {expected} as the backbone" in instead[2]


def test_without_any_weights_other_networks_are_named(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    lack(monkeypatch)
    both = asking(prepared, TrainingSettings(image_size=32), networks=("custom", "transfer")).study
    instead = plan_view(both, 100, 20).instead
    assert instead is not None
    assert instead[1].networks == ("custom",)
    assert instead[2].endswith("weights are not installed; the transfer network is not trained.")
    alone = plan_view(asking(prepared, TrainingSettings(image_size=32), networks=("transfer",)).study, 100, 20).instead
    assert alone is not None
    assert alone[1].networks == ("head",)
    assert alone[2].endswith("The linear probe is trained instead.")


def test_without_test_images_nothing_is_compared(prepared: Prepared, tmp_path: Path) -> None:
    none = replace(prepared, split=replace(prepared.split, test=np.array([], dtype=np.int64)))
    with pytest.raises(SettingsError, match="no test images"):
        run_comparison(none, tmp_path)


def test_a_weight_file_of_another_network_is_not_the_backbones(prepared: Prepared, tmp_path: Path) -> None:
    (tmp_path / "other.h5").write_bytes(b"no weights")
    study = replace(
        asking(prepared, with_own(QUICK, "transfer", untrained_backbone=False)).study,
        weights_file=tmp_path / "other.h5",
    )
    for asked in (study, prepared.study):
        choice = backbone_choice(asked, NETWORKS["transfer"])
        assert choice is not None
        assert choice.weights_file is None


def test_the_plan_is_told_before_it_is_done(prepared: Prepared) -> None:
    view = plan_view(asking(prepared, networks=("custom",)).study, 101, 20)
    assert [run.n_images for run in view.runs[:3]] == [101, 51, 51]
    assert view.seconds == pytest.approx(sum(run.estimate.seconds for run in view.runs))
    assert view.seconds > 0
    assert view.problem == ""


def test_the_summary_is_that_of_compare(prepared: Prepared, tmp_path: Path) -> None:
    found = run_comparison(prepared, tmp_path)
    expected = compare(
        found.runs,
        prepared.study.settings.comparison,
        chosen_by=("colour-texture",),
        probe_extractors={"head": "colour-texture"},
    )
    assert found.sentences == expected.sentences
    assert any("same features" in sentence for sentence in found.sentences)


@pytest.mark.slow
def test_a_comparison_says_by_which_recipe_it_is_trained_and_what_of_it_is_left_out(
    prepared: Prepared, tmp_path: Path
) -> None:
    plain = asking(prepared, networks=("custom",), fractions=(1.0,), repetitions=1)
    assert not any("ecipe" in note for note in run_comparison(plain, tmp_path).notes)
    training = replace(QUICK, recipe="recommended", label_smoothing=0.1)
    comparison = run_comparison(asking(plain, training), tmp_path)
    told = (
        "Recipe “Recommended”, modified: label smoothing 0.1; steps that fall with the images, so that accuracy "
        "is reported with its cost."
    )
    assert [note for note in comparison.notes if "ecipe" in note] == [told]
    assert sum("--orientation free" in note for note in comparison.notes) == 1
    assert compare_stored(asking(plain, training), tmp_path).notes == comparison.notes
    # Neither is taken for the other.
    assert len(load_runs(tmp_path).runs) == 2
    with_probe = asking(prepared, training, networks=("head",), fractions=(1.0,), repetitions=1)
    assert not any("ecipe" in note for note in run_comparison(with_probe, tmp_path).notes)


def test_more_checks_than_epochs_are_refused_before_anything_is_trained(prepared: Prepared, tmp_path: Path) -> None:
    asked = asking(prepared, replace(QUICK, checks=3), networks=("custom",))
    with pytest.raises(
        SettingsError, match=r"^3 validation checks .* there is at most one per epoch: 1 .* or raise --epochs\.$"
    ):
        run_comparison(asked, tmp_path)
    assert "Set --checks" in plan_view(asked.study, 100, 10).problem


def test_runs_of_the_two_modes_of_steps_never_stand_in_one_table(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []

    def made(network: str, task: Any, key: RunKey, progress: Any) -> Any:
        trained.append(f"{key.network} {task.settings.steps}")
        true = task.dataset.labels[task.split.test]
        classes = task.dataset.classes
        # Equal steps are right more often here, so that a mean over both modes would be seen.
        is_falling = task.settings.steps == "falling"
        predicted = np.where(np.arange(len(true)) % 2 == 0, true, (true + is_falling) % len(classes))
        epoch = Epoch(1, 1.0, 0.5, 1.0, 0.5, 0.001, 2.0, 0.5)
        run = RunResult(
            key=key, n_images=len(task.indices), classes=classes, history=(epoch, epoch), best_epoch=1,
            metrics=evaluate(true, predicted, classes), test_indices=task.split.test, true=true, predicted=predicted,
            confidence=np.ones(len(true), dtype=np.float32), train_seconds=4.0, feature_seconds=0.25,
            select_seconds=0.0, device="CPU",
        )  # fmt: skip
        return TrainedRun(run, None)

    monkeypatch.setattr(comparing, "train", made)
    falling = asking(prepared, QUICK, networks=("custom", "head"), samplers=("random",), controls=False, repetitions=1)
    equal = asking(falling, replace(QUICK, steps="equal"))
    first = run_comparison(falling, tmp_path)
    n_first = len(trained)
    second = run_comparison(equal, tmp_path)
    assert set(trained[n_first:]) == {"custom equal"}, "the head has no steps: its runs are found again"
    assert (first.steps, second.steps) == ("falling", "equal")
    for asked, of_mode in ((falling, first), (equal, second)):
        stored = compare_stored(asked, tmp_path)
        assert [run.key for run in stored.runs] == [run.key for run in of_mode.runs]
        custom = [row for row in stored.rows if row.network == "custom"]
        assert all(row.n_repetitions == 1 for row in custom)
        expected = 1.0 if stored.steps == "equal" else pytest.approx(0.5, abs=0.03)
        assert all(row.means["accuracy"] == expected for row in custom)
        assert all((row.validation_seconds, row.feature_seconds) == (1.0, 0.25) for row in custom)
    assert not {run.key.fingerprint for run in first.runs if run.key.network == "custom"} & {
        run.key.fingerprint for run in second.runs
    }
    words = {"falling": ", steps falling with the images", "equal": ", equal steps at every fraction"}
    for found in (first, second):
        of_network = [make(found, "custom") for make in (accuracy_table, verdict_table)]
        for table in (*of_network, table_one(found), cost_table(found)):
            assert words[found.steps] in table.title
        assert "steps" not in accuracy_table(found, "head").title
    with_probe = asking(falling, networks=("head",))
    assert run_comparison(with_probe, tmp_path).steps == ""


@pytest.mark.slow
def test_figures_on_another_backbone_or_on_unverified_weights_say_so_everywhere(
    prepared: Prepared, tmp_path: Path
) -> None:
    found = run_comparison(asking(prepared, repetitions=1), tmp_path / "runs")
    weights = WeightsUsed("mobilenetv2", "ab" * 32, "unverified")
    runs = [replace(run, key=replace(run.key, network="transfer"), weights=weights) for run in found.runs]
    summed = summarise(prepared, runs, ["A note."])
    other = (
        "The transfer network uses MobileNetV2; that of the paper uses ResNet101V2, so its results are not comparable"
    )
    told = (
        f"{other} with the table of the paper.",
        "The transfer network uses unverified weights, whose digest is unknown.",
    )
    assert summed.sentences[-3:] == (*told, "A note.")
    content = ReportContent(dataset=prepared.dataset, comparison=summed, settings=prepared.study.settings)
    page = unescape(write_report(tmp_path / "report.html", content).page.read_text(encoding="utf-8"))
    assert all(sentence in page for sentence in told)
    papers = replace(prepared.study.settings, training=TrainingSettings())
    verified = [replace(run, weights=replace(weights, state="verified")) for run in runs]
    as_paper = summarise(replace(prepared, study=replace(prepared.study, settings=papers)), verified)
    assert not set(told) & set(as_paper.sentences)


def test_with_equal_steps_smaller_coresets_are_planned_for_as_many_as_the_pool(prepared: Prepared) -> None:
    training = replace(QUICK, epochs=2, min_steps=0, batch_size=10)
    asked = asking(prepared, training, networks=("custom",), samplers=("random",), controls=False)
    epochs = {run.fraction: run.epochs for run in plan_view(asked.study, 100, 10).runs}
    assert epochs == {0.5: 2, 1.0: 2}
    equal = asking(asked, replace(training, steps="equal"))
    assert {run.fraction: run.epochs for run in plan_view(equal.study, 100, 10).runs} == {0.5: 4, 1.0: 2}
