"""An extractor of another package works wherever the program's own do, and its faults are told as its own."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.data.images import read_image
from coreset_studio.core.descriptions import description
from coreset_studio.core.errors import FeatureError, ImageError, InputError, MissingWeightsError, WeightsError
from coreset_studio.core.features.backbone import backbones, load_backbone
from coreset_studio.core.features.extraction import extract, extractor_cost
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_named, recommended
from coreset_studio.core.features.untrained import untrained_tensors
from coreset_studio.core.features.weight_download import download
from coreset_studio.core.features.weight_files import write_tensors
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.features.weights import find_weights, identify, import_weights, list_weights, weights_used
from coreset_studio.core.pipeline.facts import extractor_facts, recommended_extractors
from coreset_studio.core.pipeline.run_keys import probe_input_of
from coreset_studio.core.pipeline.stages import choose, open_dataset, prepare, split_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.resources import user_data_folder
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import ClusterSettings, FeatureSettings, Settings, with_own
from coreset_studio.core.training.architectures import NETWORKS

Install = Callable[..., None]

DESCRIBED = """
from coreset_studio.core.features.description import Extractor

DESCRIPTION = Extractor(
    name="means",
    title="Mean colours",
    tip="The mean of each channel, of the whole image and of its middle.",
    does="plug_means.code:STEPS",
    blocks={{"whole": 3, "middle": 3}},
    version=1,
    input_size=64,
    batch_size=8,
    recommended=1,
    {more}
)
"""
CODE = """
import numpy as np

from coreset_studio.core.features.steps import Steps


def prepare(rgb):
    height, width = rgb.shape[:2]
    middle = rgb[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return np.concatenate([rgb.mean((0, 1)), middle.mean((0, 1))]).astype(np.float32)


def load(tensors):
    return lambda batch: {{"whole": batch[:, :3] / 255, "middle": batch[:, 3:] / 255}}


{more}
STEPS = Steps(prepare=prepare, load=load)
"""
# A network of one convolution, which Keras is not needed for to compute on.
NETWORK = """
import numpy as np

from coreset_studio.core.features.network import Network, WeightSet
from coreset_studio.core.features.steps import Steps
from coreset_studio.core.features.weight_files import Layer


def build(image_size):
    import keras

    inputs = keras.Input((image_size, image_size, 3))
    return keras.Model(inputs, keras.layers.Conv2D(4, 1, name="only")(inputs))


def load(tensors):
    kernel, bias = tensors.layers[0]
    return lambda batch: {{"average": batch.mean((1, 2), dtype=np.float32) / 255 @ kernel[0, 0] + bias}}


WEIGHTS = WeightSet(
    name="small", title="Small network", layers=(Layer("only", "conv2d", ((1, 1, 3, 4), (4,))),), known={{}},
    address={address!r}, md5="", licence="free",
)
NETWORK = Network(weights=WEIGHTS, build=build, flip_channels=False, scale=1 / 255, offset=(0.0, 0.0, 0.0))
STEPS = Steps(prepare=lambda rgb: rgb[:8, :8], load=load, weight_set=WEIGHTS, network=NETWORK)
"""
SMALL = """
from coreset_studio.core.features.description import Extractor

DESCRIPTION = Extractor(
    name="small-network", title="Small network, averaged", tip="Four numbers.", does="plug_small.code:STEPS",
    blocks={"average": 4}, version=1, input_size=8, batch_size=8, weights="small", backbone=True,
)
"""


@pytest.fixture
def means(install_plugin: Install) -> Callable[..., None]:
    """Install the extractor `means`, with more in its description or its code."""

    def install(described: str = "", code: str = "") -> None:
        modules = {"__init__.py": DESCRIBED.format(more=described), "code.py": CODE.format(more=code)}
        install_plugin(EXTRACTORS, "plug_means", modules, {"means": "plug_means:DESCRIPTION"})

    return install


@pytest.fixture
def small(install_plugin: Install) -> Callable[..., None]:
    """Install the extractor `small-network`, which has weights of its own."""

    def install(address: str = "") -> None:
        modules = {"__init__.py": SMALL, "code.py": NETWORK.format(address=address)}
        install_plugin(EXTRACTORS, "plug_small", modules, {"small-network": "plug_small:DESCRIPTION"})

    return install


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins") / "demo"
    make_demo(folder, n_images=60, side=32)
    return folder


@pytest.fixture
def dataset(demo: Path, tmp_path: Path) -> Dataset:
    return scan(demo, cache_folder=tmp_path / "cache")


def write_weights(folder: Path) -> Path:
    """Write weights of the small network, which has to be installed."""
    file, layers = folder / "mine.weights.h5", WEIGHT_SETS["small"].layers
    write_tensors(file, layers, untrained_tensors(layers, seed=4))
    return file


def study_of(demo: Path, tmp_path: Path, *names: str) -> Study:
    settings = Settings(
        features=FeatureSettings(extractors=names),
        clusters=ClusterSettings(k_max=3),
    )
    return Study(demo, settings, tmp_path / "cache")


# --- used as the program's own --------------------------------------------------------------------------------


def test_it_is_listed_behind_the_programs_own(means: Install) -> None:
    means()
    assert list(EXTRACTORS).index("means") >= 5
    assert str(EXTRACTORS.plugins["means"]) == "plug_means 1.2"
    assert extractor_named("means").n_features == 6


def test_it_is_extracted_once_and_cached(means: Install, dataset: Dataset, tmp_path: Path) -> None:
    means()
    first = extract(dataset, "means", cache_folder=tmp_path / "cache")
    again = extract(dataset, "means", cache_folder=tmp_path / "cache")

    assert (first.n_computed, again.n_computed) == (len({image.pixels for image in dataset.images}), 0)
    expected = read_image(dataset, 7).mean((0, 1)) / 255
    np.testing.assert_allclose(again.rows("whole", np.array([7]))[0], expected, rtol=1e-5)
    assert "not measured" in extractor_cost("means", tmp_path / "elsewhere").basis


def test_another_version_of_the_plugin_has_rows_of_its_own(
    means: Install, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    means()
    first = extract(dataset, "means", cache_folder=tmp_path / "cache")
    newer = {"means": replace(EXTRACTORS.plugins["means"], version="1.3")}
    monkeypatch.setattr(type(EXTRACTORS), "plugins", property(lambda _: newer))
    again = extract(dataset, "means", cache_folder=tmp_path / "cache")
    assert again.n_computed == first.n_computed
    assert again.fingerprint != first.fingerprint


def test_a_coreset_is_chosen_by_it_beside_another(means: Install, demo: Path, tmp_path: Path) -> None:
    means()
    prepared = prepare(study_of(demo, tmp_path, "means", "colour-texture"))
    coreset = choose(prepared, prepared.study.settings.selection)

    assert [(view.extractor, view.block) for view in prepared.embeddings[0].views][:2] == [
        ("means", "whole"),
        ("means", "middle"),
    ]
    assert {view.extractor for view in prepared.embeddings[0].views} == {"means", "colour-texture"}
    assert len(coreset.indices) > 0


def test_the_probe_can_use_it(means: Install, demo: Path, tmp_path: Path) -> None:
    means()
    study = study_of(demo, tmp_path, "colour-texture")
    training = with_own(study.settings.training, "head", judge_extractor="means")
    study = replace(study, settings=replace(study.settings, training=training))
    probe_input = probe_input_of(prepare(study), NETWORKS["head"])
    assert probe_input.extractor == "means"
    assert probe_input.embedding.embedding.shape[1] == 6


def test_the_command_line_lists_and_uses_it(
    means: Install, demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    means()
    cache = ["--cache", str(tmp_path / "cache")]
    assert main(["extractors", str(demo), "--extractor", "means", "--compute", *cache]) == 0
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("means ")]
    assert line.split()[:4] == ["means", "6", "needs", "none"]
    assert "means: The mean of each channel" in said
    chosen = tmp_path / "chosen.csv"
    assert main(["select", str(demo), "--extractor", "means", "--out", str(chosen), *cache]) == 0
    assert chosen.read_text(encoding="utf-8").count("\n") > 10


def test_what_is_recommended_does_not_change_with_it(means: Install) -> None:
    before = recommended(), recommended_extractors()
    means()
    assert EXTRACTORS["means"].recommended == 1
    assert (recommended(), recommended_extractors()) == before


# --- derived from another -------------------------------------------------------------------------------------


def test_rows_derived_from_a_plugins_own_cost_nothing(
    install_plugin: Install, dataset: Dataset, tmp_path: Path
) -> None:
    described = """
from coreset_studio.core.features.description import Extractor

SHARED = {"version": 1, "input_size": 8, "batch_size": 8}
ONE = Extractor(name="one", title="One", tip="One.", does="plug_two.code:ONE", blocks={"a": 3}, **SHARED)
SUM = Extractor(
    name="sum", title="Sum", tip="Sum.", does="plug_two.code:SUM", blocks={"b": 1}, derived_from="one", **SHARED
)
"""
    code = """
import numpy as np
from coreset_studio.core.features.steps import Steps


def summed(rows):
    return rows.sum(axis=1, keepdims=True)


def prepare(rgb):
    return rgb.mean((0, 1)).astype(np.float32)


ONE = Steps(prepare=prepare, load=lambda tensors: lambda batch: {"a": batch})
SUM = Steps(prepare=prepare, load=lambda tensors: lambda batch: {"b": summed(batch)}, derive=summed)
"""
    modules = {"__init__.py": described, "code.py": code}
    install_plugin(EXTRACTORS, "plug_two", modules, {"one": "plug_two:ONE", "sum": "plug_two:SUM"})
    one = extract(dataset, "one", cache_folder=tmp_path / "cache")
    derived = extract(dataset, "sum", cache_folder=tmp_path / "cache")

    assert derived.n_computed == 0
    indices = np.arange(5)
    np.testing.assert_array_equal(derived.rows("b", indices), one.rows("a", indices).sum(axis=1, keepdims=True))


# --- faults ---------------------------------------------------------------------------------------------------

PLUGIN = "The extractor Mean colours of the plugin plug_means 1.2 failed"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def prepare(rgb):\n    raise KeyError('stain')", "KeyError: 'stain'"),
        ("def load(tensors):\n    raise RuntimeError('no card')", "RuntimeError: no card"),
        ("def load(tensors):\n    return lambda batch: 1 / 0", "ZeroDivisionError"),
        ("def load(tensors):\n    return lambda batch: {'whole': batch}", "block whole is float32 of shape"),
        (
            "def load(tensors):\n    return lambda batch: {'whole': batch[:, :3].astype(int), 'middle': batch[:, 3:]}",
            "block whole is int64",
        ),
        (
            "def load(tensors):\n    return lambda batch: {'whole': batch[:, :3] * np.nan, 'middle': batch[:, 3:]}",
            "block whole holds numbers that are not finite",
        ),
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        (
            "def Steps(**parts):\n    return parts",
            "plug_means.code:STEPS is no coreset_studio.core.features.steps.Steps",
        ),
    ],
)
def test_what_its_code_raises_names_the_plugin(
    means: Install, dataset: Dataset, tmp_path: Path, code: str, words: str
) -> None:
    means(code=code)
    with pytest.raises(FeatureError) as caught:
        extract(dataset, "means", cache_folder=tmp_path / "cache")
    assert str(caught.value).startswith(PLUGIN)
    assert words in str(caught.value)
    assert str(caught.value).endswith("Update the plugin, or choose another extractor.")


def test_what_it_raises_on_purpose_stays(means: Install, dataset: Dataset, tmp_path: Path) -> None:
    """An image that it cannot read is listed, as it is with the program's own."""
    means(
        code="from coreset_studio.core.errors import ImageError\noriginal = prepare\n"
        "def prepare(rgb):\n"
        "    if rgb[0, 0, 0] == FIRST:\n        raise ImageError('It is all black.')\n"
        "    return original(rgb)\n"
        f"FIRST = {int(read_image(dataset, 0)[0, 0, 0])}\n"
    )
    extracted = extract(dataset, "means", cache_folder=tmp_path / "cache")
    assert 0 in extracted.failed_indices
    assert {skipped.reason for skipped in extracted.failed} == {"It is all black."}
    assert issubclass(ImageError, InputError)


def test_a_fault_of_the_programs_own_is_not_dressed_up(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(batch: object) -> object:
        raise ZeroDivisionError

    steps = EXTRACTORS["colour-texture"].code
    resolve, failing = description.resolve, replace(steps, load=lambda tensors: fail)
    does = EXTRACTORS["colour-texture"].does
    monkeypatch.setattr(description, "resolve", lambda wanted: failing if wanted == does else resolve(wanted))
    with pytest.raises(ZeroDivisionError):
        extract(dataset, "colour-texture", cache_folder=tmp_path / "cache")


def test_a_plugin_that_cannot_be_loaded_is_told_by_name(install_plugin: Install, dataset: Dataset) -> None:
    install_plugin(EXTRACTORS, "plug_lost", {"__init__.py": "raise ValueError('old')"}, {"lost": "plug_lost:ANY"})
    with pytest.raises(FeatureError, match=r"The extractor lost of the plugin plug_lost 1\.2 was not loaded"):
        extract(dataset, "lost", cache_folder=Path("unused"))
    with pytest.raises(FeatureError, match="no extractor named 'another'; choose from vgg16"):
        extractor_named("another")


def test_weights_of_a_plugin_that_fails_do_not_stop_the_others(
    means: Install, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list_weights()
    means(described='weights="lost",', code="import a_module_that_is_not_there")

    assert list_weights() == before
    with pytest.raises(FeatureError, match=PLUGIN):
        find_weights("means")
    study = study_of(demo, tmp_path, "means")
    dataset = open_dataset(study.source, study.cache_folder)
    facts = {fact.name: fact for fact in extractor_facts(study, dataset, split_dataset(dataset, study.settings))}
    assert facts["means"].weights_state == "broken"
    assert facts["means"].missing_sentence.startswith(PLUGIN)
    assert facts["colour-texture"].weights_state == "needs none"


def test_weights_that_the_code_does_not_have_are_told(means: Install) -> None:
    means(described='weights="lost",')
    with pytest.raises(FeatureError, match=f"{PLUGIN}.*no weight set named 'lost'"):
        find_weights("means")


# --- weights of its own ---------------------------------------------------------------------------------------


def test_its_weights_are_missing_until_they_are_imported(
    small: Install, dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small()
    assert main(["weights", "list"]) == 0
    assert "small" in capsys.readouterr().out
    with pytest.raises(MissingWeightsError, match="weights of Small network are not on this machine: import a file"):
        extract(dataset, "small-network", cache_folder=tmp_path / "cache")

    assert main(["weights", "import", str(write_weights(tmp_path))]) == 0
    assert capsys.readouterr().out.startswith("small: unverified")
    listed = {entry.name: entry for entry in list_weights()}
    assert listed["small"].extractors == ("small-network",)
    extracted = extract(dataset, "small-network", cache_folder=tmp_path / "cache")
    assert extracted.weights.digest == listed["small"].digest
    kernel, bias = untrained_tensors(WEIGHT_SETS["small"].layers, seed=4).layers[0]
    expected = read_image(dataset, 3)[:8, :8].mean((0, 1)) / 255 @ kernel[0, 0] + bias
    np.testing.assert_allclose(extracted.rows("average", np.array([3]))[0], expected, rtol=1e-4, atol=1e-6)


def test_its_weights_are_downloaded_from_its_own_address(small: Install, tmp_path: Path) -> None:
    small(address=(tmp_path / "mine.weights.h5").as_uri())
    write_weights(tmp_path)
    entry = download("small-network")
    assert entry.file == user_data_folder() / "weights" / "mine.weights.h5"
    assert find_weights("small").file == entry.file


def test_weights_without_an_address_cannot_be_downloaded(small: Install) -> None:
    small()
    with pytest.raises(WeightsError, match="their address is not known"):
        download("small")


def test_its_network_can_be_a_backbone(small: Install, tmp_path: Path) -> None:
    small()
    assert backbones() == ("vgg16", "resnet101v2", "mobilenetv2", "efficientnet-lite0", "small-network")
    model, preprocess, used = load_backbone("small-network", image_size=16, untrained=True)
    assert model.output_shape == (None, 16, 16, 4)
    assert used == weights_used("small-network", untrained=True)
    pixels = np.full((1, 16, 16, 3), 51, np.float32)
    np.testing.assert_allclose(np.asarray(preprocess(pixels)), pixels / 255, rtol=1e-6)


def test_a_network_of_a_plugin_that_cannot_be_built_names_it(
    small: Install, install_plugin: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    small()
    network = EXTRACTORS["small-network"].network
    assert network is not None

    def fail(size: int) -> None:
        raise RuntimeError("no such layer")

    monkeypatch.setitem(network.__dict__, "build", fail)
    with pytest.raises(FeatureError, match=r"Small network, averaged of the plugin plug_small 1\.2 failed.*no such"):
        load_backbone("small-network", image_size=16, untrained=True)


# --- an architecture that the program has, with other weights -------------------------------------------------


@pytest.fixture
def retrained(install_plugin: Install) -> Callable[[Mapping[str, str]], None]:
    """Install an extractor on MobileNetV2's architecture with weights of its own."""

    def install(known: Mapping[str, str]) -> None:
        described = SMALL.replace("small-network", "stained").replace("plug_small", "plug_stained")
        described = described.replace('weights="small"', 'weights="mobilenetv2-stained"')
        code = f"""
from dataclasses import replace

from coreset_studio.core.features.extractors.mobilenetv2 import network as own

WEIGHTS = replace(own.WEIGHTS, name="mobilenetv2-stained", title="Stained", known={dict(known)!r}, md5="", address="")
STEPS = replace(own.STEPS, weight_set=WEIGHTS, network=replace(own.NETWORK, weights=WEIGHTS))
"""
        modules = {"__init__.py": described, "code.py": code}
        install_plugin(EXTRACTORS, "plug_stained", modules, {"stained": "plug_stained:DESCRIPTION"})

    return install


@pytest.fixture
def stained_file(tmp_path: Path) -> tuple[Path, str]:
    """A file that fits MobileNetV2, and the digest of its tensors."""
    layers = WEIGHT_SETS["mobilenetv2"].layers
    tensors = untrained_tensors(layers, seed=8)
    file = tmp_path / "retrained.weights.h5"
    write_tensors(file, layers, tensors)
    return file, tensors.digest


def test_unknown_tensors_are_taken_for_the_set_asked_for(
    retrained: Callable[[Mapping[str, str]], None], stained_file: tuple[Path, str], tmp_path: Path
) -> None:
    file, digest = stained_file
    retrained({})

    assert identify(file).name == "mobilenetv2"
    assert find_weights("stained", file=file).name == "mobilenetv2-stained"
    entry = import_weights(file, "stained")
    assert (entry.name, entry.state, entry.digest) == ("mobilenetv2-stained", "unverified", digest)
    assert find_weights("stained").file == entry.file
    with pytest.raises(MissingWeightsError):
        find_weights("mobilenetv2")

    # Known by the name of the file alone, where nothing is remembered of it.
    assert entry.file is not None
    copy = tmp_path / entry.file.name
    copy.write_bytes(file.read_bytes())
    assert identify(copy).name == "mobilenetv2-stained"


def test_known_tensors_belong_to_the_set_that_knows_them(
    retrained: Callable[[Mapping[str, str]], None], stained_file: tuple[Path, str], tmp_path: Path
) -> None:
    file, digest = stained_file
    seen_before = identify(file)
    assert (seen_before.name, seen_before.state) == ("mobilenetv2", "unverified")
    retrained({digest: "retrained"})

    copy = tmp_path / "copy.h5"
    copy.write_bytes(file.read_bytes())
    for each in (file, copy):
        found = identify(each)
        assert (found.name, found.state) == ("mobilenetv2-stained", "verified")
    with pytest.raises(WeightsError, match=r"contains Stained; expected MobileNetV2\."):
        find_weights("mobilenetv2", file=file)
