"""Weights are known by their tensors: whatever the container, and only if they fit exactly."""

import hashlib
import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from coreset_studio.core.errors import MissingWeightsError, WeightsError
from coreset_studio.core.features import weights as weights_module
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.features.network import WeightSet
from coreset_studio.core.features.untrained import untrained_tensors
from coreset_studio.core.features.weight_files import Layer, Tensors, fits, read_tensors, tensors_of, write_tensors
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.features.weights import (
    copy_to,
    find_weights,
    identify,
    import_weights,
    list_weights,
    load_weights,
    weight_set,
    weights_used,
)
from coreset_studio.core.resources import user_data_folder

VGG16_DIGEST = "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd"
MOBILENETV2_DIGEST = "54dce3c7c7ccd97485398392bdb66ddb9adf062fec8438adbe4fdf275ec7da89"
LAYERS = (
    Layer("first", "conv2d", ((3, 3, 2, 4), (4,))),
    Layer("norm", "batch_normalization", ((4,),) * 4),
    Layer("second", "conv2d", ((1, 1, 4, 5),)),
)


@pytest.fixture
def tensors() -> Tensors:
    rng = np.random.default_rng(1)
    return tensors_of([[rng.normal(size=shape) for shape in layer.shapes] for layer in LAYERS])


def write_attributes(root: h5py.Group, tensors: Tensors, *, as_bytes: bool = False) -> None:
    """Write the layout of Keras 1 and 2, with a layer without weights between."""
    names = [layer.name for layer in LAYERS]
    root.attrs["layer_names"] = (
        np.array([name.encode() for name in ["input", *names]]) if as_bytes else ["input", *names]
    )
    root.create_group("input").attrs["weight_names"] = np.array([], dtype="S1")
    for layer, arrays in zip(LAYERS, tensors.layers, strict=True):
        group = root.create_group(layer.name)
        paths = [f"{layer.name}/v{place}:0" for place in range(len(arrays))]
        group.attrs["weight_names"] = [path.encode() for path in paths] if as_bytes else paths
        for path, array in zip(paths, arrays, strict=True):
            group[path] = array


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three empty weight folders: the program's, the user's, Keras'."""
    program = tmp_path / "program"
    (program / "weights").mkdir(parents=True)
    monkeypatch.setattr("coreset_studio.core.resources.resource_folder", lambda: program)
    monkeypatch.setattr(weights_module, "resource_folder", lambda: program)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras" / "models").mkdir(parents=True)
    (user_data_folder() / "weights").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def mobilenet(tmp_path: Path) -> Path:
    """A file that fits MobileNetV2 exactly, of tensors nobody knows."""
    file = tmp_path / "mine.weights.h5"
    weights = WEIGHT_SETS["mobilenetv2"]
    write_tensors(file, weights.layers, untrained_tensors(weights.layers, seed=5))
    return file


def make_known(monkeypatch: pytest.MonkeyPatch, *, digest: str = "", md5: str = "") -> WeightSet:
    """Let the program know one more set of MobileNetV2's weights."""
    changed = replace(WEIGHT_SETS["mobilenetv2"], known={digest: "a test"}, md5=md5)
    monkeypatch.setattr(weights_module, "WEIGHT_SETS", {**WEIGHT_SETS, "mobilenetv2": changed})
    return changed


def test_digest_is_sha256_over_the_arrays_in_order(tensors: Tensors) -> None:
    expected = hashlib.sha256(
        b"".join(np.asarray(array, "<f4").tobytes("C") for arrays in tensors.layers for array in arrays)
    ).hexdigest()

    assert tensors.digest == expected


def test_digest_does_not_depend_on_memory_order(tensors: Tensors) -> None:
    turned = [[np.asfortranarray(array) for array in arrays] for arrays in tensors.layers]

    assert tensors_of(turned).digest == tensors.digest


@pytest.mark.parametrize(
    "container", ["keras-2", "keras-2-bytes", "whole-model", "keras-3", "keras-3-nameless", "keras"]
)
def test_every_container_gives_the_same_tensors(tmp_path: Path, tensors: Tensors, container: str) -> None:
    file = tmp_path / "weights.h5"
    if container.startswith("keras-2"):
        with h5py.File(file, "w") as root:
            write_attributes(root, tensors, as_bytes=container.endswith("bytes"))
    elif container == "whole-model":
        with h5py.File(file, "w") as root:
            write_attributes(root.create_group("model_weights"), tensors)
    else:
        write_tensors(file, LAYERS, tensors)
        if container == "keras-3-nameless":
            with h5py.File(file, "r+") as root:
                for group in root["layers"].values():
                    del group["vars"].attrs["name"]
        if container == "keras":
            inner = file.read_bytes()
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("model.weights.h5", inner)

    found = read_tensors(file, LAYERS, "the network")

    assert found.digest == tensors.digest
    for arrays, expected in zip(found.layers, tensors.layers, strict=True):
        for array, other in zip(arrays, expected, strict=True):
            np.testing.assert_array_equal(array, other)


def test_names_decide_the_order_where_the_file_tells_them(tmp_path: Path, tensors: Tensors) -> None:
    file = tmp_path / "weights.h5"
    with h5py.File(file, "w") as root:
        write_attributes(root, tensors)
        root.attrs["layer_names"] = list(reversed([layer.name for layer in LAYERS]))

    assert read_tensors(file, LAYERS, "the network").digest == tensors.digest


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("cut short", "truncated"),
        ("text", "truncated or not a Keras weight file"),
        ("empty", "truncated or not a Keras weight file"),
        ("other archive", "not a Keras weight file"),
        ("layer missing", "2 layers with weights, expected 3"),
        ("shape", "layer second has the shapes"),
        ("half floats", "float16 values, expected float32"),
        ("not finite", "not finite"),
        ("missing", "does not exist"),
    ],
)
def test_faulty_file_is_refused_with_its_fault(tmp_path: Path, tensors: Tensors, fault: str, words: str) -> None:
    file = tmp_path / "weights.h5"
    write_tensors(file, LAYERS, tensors)
    if fault == "cut short":
        os.truncate(file, file.stat().st_size // 2)
    elif fault == "text":
        file.write_text("<html>not found</html>")
    elif fault == "empty":
        file.write_bytes(b"")
    elif fault == "other archive":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("config.json", "{}")
    elif fault == "missing":
        file.unlink()
    else:
        with h5py.File(file, "r+") as root:
            if fault == "layer missing":
                del root["layers/batch_normalization"]
            elif fault == "not finite":
                root["layers/conv2d/vars/1"][2] = np.nan
            else:
                del root["layers/conv2d_1/vars/0"]
                shape = (1, 1, 4, 6) if fault == "shape" else (1, 1, 4, 5)
                root["layers/conv2d_1/vars/0"] = np.zeros(shape, np.float32 if fault == "shape" else np.float16)

    with pytest.raises(WeightsError, match=words):
        read_tensors(file, LAYERS, "the network")


def test_links_out_of_the_file_are_refused(tmp_path: Path, tensors: Tensors) -> None:
    secret, file = tmp_path / "secret.h5", tmp_path / "weights.h5"
    with h5py.File(secret, "w") as root:
        root["numbers"] = np.zeros((1, 1, 4, 5), np.float32)
    write_tensors(file, LAYERS, tensors)
    with h5py.File(file, "r+") as root:
        del root["layers/conv2d_1/vars/0"]
        root["layers/conv2d_1/vars/0"] = h5py.ExternalLink(str(secret), "numbers")

    with pytest.raises(WeightsError, match="cannot be read"):
        read_tensors(file, LAYERS, "the network")


def test_numbers_kept_outside_the_file_are_refused(tmp_path: Path, tensors: Tensors) -> None:
    raw, file = tmp_path / "raw.bin", tmp_path / "weights.h5"
    raw.write_bytes(bytes(4 * 20))
    write_tensors(file, LAYERS, tensors)
    with h5py.File(file, "r+") as root:
        del root["layers/conv2d_1/vars/0"]
        root["layers/conv2d_1/vars"].create_dataset("0", (1, 1, 4, 5), np.float32, external=[(str(raw), 0, 80)])

    with pytest.raises(WeightsError, match="cannot be read"):
        read_tensors(file, LAYERS, "the network")


def test_failed_write_leaves_the_old_file(tmp_path: Path, tensors: Tensors) -> None:
    file = tmp_path / "weights.h5"
    write_tensors(file, LAYERS, tensors)
    before = file.read_bytes()

    with pytest.raises(ValueError, match="argument"):
        write_tensors(file, LAYERS, Tensors(tensors.layers[:1], ""))

    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_untrained_tensors_are_seeded_and_have_the_right_spread() -> None:
    layers = EXTRACTORS["mobilenetv2"].network.weights.layers  # type: ignore[union-attr]
    drawn, again, other = (untrained_tensors(layers, seed=seed) for seed in (0, 0, 1))

    assert drawn.digest == again.digest != other.digest
    kernel = drawn.layers[-2][0]
    assert kernel.std() == pytest.approx(np.sqrt(2 / 320), rel=0.02)


def test_every_extractor_with_weights_names_a_set() -> None:
    needing = {extractor.weights for extractor in EXTRACTORS.values() if extractor.weights}

    assert needing == set(WEIGHT_SETS)
    assert weight_set("vgg16-avg") is WEIGHT_SETS["vgg16"]
    with pytest.raises(WeightsError, match="requires no weights"):
        weight_set("colour-texture")
    with pytest.raises(WeightsError, match="There are no weights named 'vgg19'"):
        weight_set("vgg19")


def test_missing_weights_are_one_sentence_with_the_ways_out(home: Path) -> None:
    with pytest.raises(MissingWeightsError) as caught:
        find_weights("resnet101v2")

    sentence = str(caught.value)
    assert sentence.count(". ") == 0
    assert sentence.endswith(".")
    for way in (
        "ResNet101V2",
        "weights download resnet101v2",
        "weights import FILE",
        "--weights FILE",
        "colour-texture",
    ):
        assert way in sentence


def test_unknown_tensors_that_fit_are_unverified(home: Path, mobilenet: Path) -> None:
    found = identify(mobilenet)

    assert (found.name, found.state) == ("mobilenetv2", "unverified")
    assert weights_used("mobilenetv2", file=mobilenet).state == "unverified"
    tensors, used = load_weights("mobilenetv2", file=mobilenet)
    assert used.digest == tensors.digest == found.digest


@pytest.mark.slow
def test_known_digest_or_official_md5_is_verified(home: Path, mobilenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_known(monkeypatch, digest=identify(mobilenet).digest)
    assert identify(mobilenet).state == "verified"

    make_known(monkeypatch, md5=hashlib.md5(mobilenet.read_bytes()).hexdigest())
    copy = mobilenet.with_name("copy.weights.h5")
    copy.write_bytes(mobilenet.read_bytes())
    assert identify(copy).state == "verified"


def test_file_of_another_network_is_refused(home: Path, mobilenet: Path) -> None:
    with pytest.raises(WeightsError, match=r"contains MobileNetV2; expected VGG16\."):
        find_weights("vgg16", file=mobilenet)
    with pytest.raises(WeightsError, match=r"contains MobileNetV2; expected VGG16\."):
        import_weights(mobilenet, "vgg16")


def test_file_that_fits_no_network_is_refused(home: Path, tmp_path: Path, tensors: Tensors) -> None:
    file = tmp_path / "other.weights.h5"
    write_tensors(file, LAYERS, tensors)

    with pytest.raises(WeightsError, match="matches none of the networks"):
        import_weights(file)


def test_imported_weights_are_found_and_listed(home: Path, mobilenet: Path) -> None:
    entry = import_weights(mobilenet)
    original = mobilenet.read_bytes()
    mobilenet.unlink()

    assert entry.file is not None
    assert entry.file.parent == user_data_folder() / "weights"
    assert entry.file.read_bytes() == original
    assert find_weights("mobilenetv2").digest == entry.digest
    listed = {each.name: each for each in list_weights()}
    assert listed["mobilenetv2"].state == "unverified"
    assert listed["vgg16"].state == "missing"
    assert listed["vgg16"].extractors == ("vgg16", "vgg16-avg")


def test_importing_twice_keeps_one_file(home: Path, mobilenet: Path) -> None:
    first, second = import_weights(mobilenet), import_weights(mobilenet, "mobilenetv2")

    assert first == second
    assert len(list((user_data_folder() / "weights").iterdir())) == 1


@pytest.mark.usefixtures("unnumbered_files")
def test_weights_replace_another_file_on_a_drive_that_numbers_no_files(home: Path, mobilenet: Path) -> None:
    """Two files are not taken for one; one file of two names is, and is not copied to itself."""
    target = home / "weights.h5"
    target.write_bytes(b"cut off")
    copy_to(find_weights("mobilenetv2", file=mobilenet), target)
    assert target.read_bytes() == mobilenet.read_bytes()
    (home / "other").mkdir()
    before = target.stat().st_mtime_ns
    copy_to(find_weights("mobilenetv2", file=target), target.parent / "other" / ".." / target.name)
    assert target.stat().st_mtime_ns == before


def test_unwritable_data_folder_is_told(home: Path, mobilenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = home / "blocked"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setenv("CORESET_DATA", str(blocked))

    with pytest.raises(WeightsError, match="cannot be stored in"):
        import_weights(mobilenet)


def test_verified_weights_come_before_unverified_ones(
    home: Path, mobilenet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = WEIGHT_SETS["mobilenetv2"]
    known = untrained_tensors(weights.layers, seed=9)
    make_known(monkeypatch, digest=known.digest)
    import_weights(mobilenet)
    write_tensors(home / "keras" / "models" / "any_name.h5", weights.layers, known)

    found = find_weights("mobilenetv2")

    assert (found.state, found.digest) == ("verified", known.digest)


def test_unknown_file_in_the_cache_of_keras_counts_only_under_its_official_name(home: Path, mobilenet: Path) -> None:
    models = home / "keras" / "models"
    (models / "fine_tuned.h5").write_bytes(mobilenet.read_bytes())
    with pytest.raises(MissingWeightsError):
        find_weights("mobilenetv2")

    (models / WEIGHT_SETS["mobilenetv2"].official_file).write_bytes(mobilenet.read_bytes())
    assert find_weights("mobilenetv2").state == "unverified"


def test_damaged_files_in_the_folders_are_passed_over(home: Path, mobilenet: Path) -> None:
    damaged = user_data_folder() / "weights" / "a.h5"
    damaged.write_bytes(mobilenet.read_bytes()[:-400_000])
    import_weights(mobilenet)

    assert find_weights("mobilenetv2").file != damaged


def test_second_look_reads_nothing(home: Path, mobilenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = identify(mobilenet)

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(weights_module, "read_tensors", refuse)
    monkeypatch.setattr(weights_module, "fits", refuse)

    assert identify(mobilenet) == first


@pytest.mark.slow
def test_changed_file_is_looked_at_again(home: Path, mobilenet: Path) -> None:
    first = identify(mobilenet)
    weights = WEIGHT_SETS["mobilenetv2"]
    write_tensors(mobilenet, weights.layers, untrained_tensors(weights.layers, seed=6))

    assert identify(mobilenet).digest != first.digest


@pytest.mark.slow
def test_spoiled_memory_only_costs_time(home: Path, mobilenet: Path) -> None:
    first = identify(mobilenet)
    memory = Path(os.environ["CORESET_CACHE"]) / "weights.json"
    for text in ("", "[]", '{"version": 1, "files": []}', json.dumps({"version": 1, "files": {str(mobilenet): {}}})):
        memory.write_text(text)
        assert identify(mobilenet) == first


@pytest.mark.slow
def test_digest_told_is_that_of_the_tensors_whatever_was_remembered(home: Path, mobilenet: Path) -> None:
    identify(mobilenet)
    stamp = mobilenet.stat()
    weights = WEIGHT_SETS["mobilenetv2"]
    write_tensors(mobilenet, weights.layers, untrained_tensors(weights.layers, seed=6))
    os.utime(mobilenet, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert mobilenet.stat().st_size == stamp.st_size

    tensors, used = load_weights("mobilenetv2", file=mobilenet)

    assert used.digest == tensors.digest == untrained_tensors(weights.layers, seed=6).digest


def test_untrained_weights_need_no_file(home: Path) -> None:
    tensors, used = load_weights("mobilenetv2", untrained=True)

    assert used.state == "untrained"
    assert used.digest == tensors.digest == weights_used("mobilenetv2", untrained=True).digest


def test_extractor_without_weights_uses_none(home: Path) -> None:
    assert weights_used("colour-texture").state == "none"


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("file", "name", "digest"),
    [
        ("vgg16_imagenet_notop.h5", "vgg16", VGG16_DIGEST),
        ("mobilenet_v2_imagenet_notop.weights.h5", "mobilenetv2", MOBILENETV2_DIGEST),
    ],
)
def test_real_weights_are_verified_and_imported(
    home: Path, shared_folder: Path, file: str, name: str, digest: str
) -> None:
    source = shared_folder / "weights" / file
    if not source.exists():
        pytest.skip(f"{file} is not beside the repository")

    entry = import_weights(source)

    assert (entry.name, entry.state, entry.digest) == (name, "verified", digest)
    assert entry.origin
    assert find_weights(name).file == entry.file


@pytest.mark.real_data
def test_real_weights_in_another_container_are_recognised(home: Path, shared_folder: Path, tmp_path: Path) -> None:
    weights = WEIGHT_SETS["mobilenetv2"]
    source = shared_folder / "weights" / "mobilenet_v2_imagenet_notop.weights.h5"
    tensors = read_tensors(source, weights.layers, weights.title)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as root:
        root.attrs["layer_names"] = [layer.name for layer in weights.layers]
        for layer, arrays in zip(weights.layers, tensors.layers, strict=True):
            group = root.create_group(layer.name)
            group.attrs["weight_names"] = [str(place) for place in range(len(arrays))]
            for place, array in enumerate(arrays):
                group[str(place)] = array
    file = tmp_path / "old.h5"
    file.write_bytes(buffer.getvalue())

    assert fits(file, weights.layers)
    assert identify(file).state == "verified"


def test_a_pipe_is_no_weight_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vgg16.h5")
    with pytest.raises(WeightsError, match="cannot be read"):
        import_weights(tmp_path / "vgg16.h5")
