"""Features from a file as an extractor: matched to images, cached by content, the same as those that were written."""

import csv
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.errors import FeatureError, MemoryShortError, SettingsError
from coreset_studio.core.features.extraction import (
    Extracted,
    count_missing,
    extract,
    extractor_cost,
    weights_of,
    without_failed,
)
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_in
from coreset_studio.core.features.extractors.features_file import FeaturesFileSettings
from coreset_studio.core.features.extractors.features_file.looking import features_from_file, paths_from_file
from coreset_studio.core.features.extractors.features_file.matching import Matched, Row, match, normal_path
from coreset_studio.core.features.extractors.features_file.rows import MATCH_STAGE
from coreset_studio.core.features.steps import FileState
from coreset_studio.core.output.feature_files import write_features
from coreset_studio.core.results import Dataset, Image, Split, WeightsUsed
from coreset_studio.core.settings import (
    DataSettings,
    FeatureSettings,
    settings_from_dict,
    settings_in_keys,
    settings_to_dict,
    with_own,
)
from coreset_studio.core.settings.chosen_file import ChosenFile, FeaturesFile, without_places

NAME = "features-file"


def image(path: str, content: str = "") -> Image:
    name = content or path
    return Image(path, "a", None, "", 8, 8, f"pixels of {name}", f"file of {name}", 1, 0, "0" * 16)


def rows(keys: Sequence[str], checks: Sequence[int] | None = None, bad: Sequence[int] = ()) -> list[Row]:
    return [Row(n, n, key, checks[n] if checks else n, n not in bad) for n, key in enumerate(keys)]


def found(matched: Matched, images: Sequence[Image]) -> list[int | None]:
    return [matched.rows.get(each.pixels) for each in images]


# --- matching -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "paths", "expected", "note"),
    [
        (["b/2.png", "a/1.png"], ["a/1.png", "b/2.png"], [1, 0], ""),
        (["./a\\1.png", "a//2.png"], ["a/1.png", "a/2.png"], [0, 1], ""),
        ([unicodedata.normalize("NFD", "a/ü.png")], ["a/ü.png"], [0], ""),
        (["A/1.PNG", "a/2.png"], ["a/1.png", "a/2.png"], [0, 1], "1 path differs from the dataset in upper"),
        (["C:\\x\\y\\a\\1.png", "C:\\x\\y\\a\\2.png"], ["a/1.png", "a/2.png"], [0, 1], "begin with “C:/x/y/”"),
        (["a/1.png", "a/2.png"], ["train/a/1.png", "train/a/2.png"], [0, 1], "lack the folder “train/”"),
        (["a/1.tif", "a/2.tif"], ["a/1.png", "a/2.png"], [0, 1], "without their endings"),
        (["1.png", "2.png"], ["a/1.png", "b/2.png"], [0, 1], "by file names alone, without folders."),
        (["x/1", "y/2"], ["a/1.png", "b/2.png"], [0, 1], "without folders and endings"),
    ],
)  # fmt: skip
def test_rows_are_found_by_path_in_any_usual_spelling_and_one_note_states_how(
    keys: list[str], paths: list[str], expected: list[int], note: str
) -> None:
    images = [image(path) for path in paths]
    matched = match("f.npy", rows(keys), images)
    assert found(matched, images) == expected
    assert len(matched.notes) == bool(note)
    assert note in " ".join(matched.notes)


def test_a_key_that_only_differs_in_case_from_two_images_is_of_neither() -> None:
    images = [image("a/x.png"), image("a/X.png"), image("a/y.png")]
    matched = match("f.npy", rows(["A/X.png", "a/y.png"]), images)
    assert found(matched, images) == [None, None, 1]


def test_file_names_that_several_images_have_are_of_none_of_them() -> None:
    images = [image("a/1.png"), image("b/1.png"), image("b/2.png")]
    matched = match("f.npy", rows(["1.png", "2.png"]), images)
    assert found(matched, images) == [None, None, 1]
    assert matched.reasons == {each.pixels: "The features file has no row for it." for each in images[:2]}


def test_a_folder_is_not_ignored_where_rows_could_be_of_several_images() -> None:
    keys = ["train/a/1.png", "test/a/1.png", "test/a/2.png"]
    images = [image("a/1.png"), image("a/2.png")]
    matched = match("f.npy", rows(keys), images)
    assert found(matched, images) == [None, 2]  # by file name: 1.png is there twice


def test_where_folders_match_for_some_images_names_alone_are_not_used_for_others() -> None:
    images = [image("a/1.png"), image("b/2.png")]
    matched = match("f.npy", rows(["a/1.png", "old/2.png"]), images)
    assert found(matched, images) == [0, None]
    assert matched.notes == ("1 row of the features file is of no image of this dataset, such as “old/2.png”.",)


@pytest.mark.parametrize(("write", "note"), [(str.upper, 0), (lambda digest: f"sha256:{digest}", 0)])
def test_rows_are_found_by_the_sha256_of_files_in_any_sequence(write: Callable[[str], str], note: int) -> None:
    images = [replace(image(f"{n}.png"), file=f"{n:064x}", pixels=f"{n + 9:064x}") for n in range(3)]
    keys = [write(each.file) for each in images[::-1]]
    matched = match("f.npy", rows(keys), images)
    assert found(matched, images) == [2, 1, 0]
    assert len(matched.notes) == note
    by_pixels = match("f.npy", rows([each.pixels for each in images]), images)
    assert found(by_pixels, images) == [0, 1, 2]
    assert "decoded pixels" in by_pixels.notes[0]


def test_the_sha256_of_a_file_with_several_images_is_of_none_of_them() -> None:
    images = [replace(image(f"stack.tif#page={n}"), file="0" * 64, pixels=f"{n:064x}") for n in (1, 2)]
    images.append(replace(image("one.png"), file="1" * 64, pixels="a" * 64))
    matched = match("f.npy", rows(["0" * 64, "1" * 64]), images)
    assert found(matched, images) == [None, None, 1]


def test_rows_that_cannot_be_used_are_named_with_the_reason() -> None:
    images = [image("1.png"), image("2.png"), image("3.png"), image("4.png")]
    matched = match("f.npy", rows(["1.png", "2.png", "2.png", "3.png", "3.png"], [5, 6, 7, 8, 8], bad=[0]), images)
    assert found(matched, images) == [None, None, 3, None]
    assert matched.reasons[images[0].pixels].endswith("values that are missing, not finite or too large (0).")
    assert matched.reasons[images[1].pixels] == "The features file has different rows for it (1 and 2)."
    assert matched.reasons[images[3].pixels] == "The features file has no row for it."


def test_copies_of_an_image_have_one_row_and_a_note_counts_those_that_differ() -> None:
    images = [image("1.png", "same"), image("2.png", "same"), image("3.png")]
    matched = match("f.npy", rows(["1.png", "2.png", "3.png"]), images)
    assert found(matched, images) == [0, 0, 2]
    assert matched.notes[0].startswith("1 image has the same pixels as another image and a different row")
    assert match("f.npy", rows(["1.png", "2.png", "3.png"], [1, 1, 2]), images).notes == ()
    one_of_two = match("f.npy", rows(["2.png", "3.png"]), images)
    assert (found(one_of_two, images), one_of_two.reasons) == ([0, 0, 1], {})


def test_rows_that_are_all_the_same_are_told() -> None:
    images = [image("1.png"), image("2.png")]
    assert (
        "All rows of the features file are the same"
        in match("f.npy", rows(["1.png", "2.png"], [4, 4]), images).notes[0]
    )
    assert match("f.npy", rows(["1.png"]), images[:1]).notes == ()


def test_a_file_of_other_images_is_refused_with_both_spellings() -> None:
    with pytest.raises(FeatureError, match=r"it has “x/9\.png”, the dataset “a/1\.png”. Expected paths in the dataset"):
        match("f.npy", rows(["x/9.png"]), [image("a/1.png")])
    with pytest.raises(FeatureError, match=r"No row of f.npy can be used. a/1.png: Its row"):
        match("f.npy", rows(["a/1.png"], bad=[0]), [image("a/1.png")])


def test_a_path_is_normal_whatever_wrote_it() -> None:
    assert normal_path(" .\\a\\./b//c.png ") == "a/b/c.png"


# --- extraction ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(24):
        file = tmp_path / "images" / ("a", "b")[number % 2] / f"{number:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(np.random.default_rng(number).integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(file)
    return tmp_path / "images"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def dataset(folder: Path, cache: Path) -> Dataset:
    return scan(folder, cache_folder=cache)


def write(file: Path, keys: Sequence[str], values: np.ndarray) -> FeaturesFileSettings:
    """Write an .npy with its list, and return the settings that choose it."""
    np.save(file, values)
    with file.with_suffix(".csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["path"], *([key] for key in keys)])
    return chosen(file)


def chosen(file: Path, paths: Path | None = None) -> FeaturesFileSettings:
    listed = paths_from_file(paths, file, DataSettings())[0] if paths is not None else None
    return FeaturesFileSettings(file=features_from_file(file, file, DataSettings())[0], paths=listed)


def paths_of(dataset: Dataset) -> list[str]:
    return [each.path for each in dataset.images]


def numbers(n: int, d: int = 5) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, d)).astype(np.float32)


def read(dataset: Dataset, settings: FeaturesFileSettings, cache: Path) -> Extracted:
    return extract(dataset, NAME, cache_folder=cache, settings=settings)


def test_rows_are_those_of_the_file_whatever_their_sequence(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    values = numbers(24)
    mixed = np.random.default_rng(1).permutation(24)
    settings = write(tmp_path / "f.npy", [paths_of(dataset)[n] for n in mixed], values[mixed])
    extracted = read(dataset, settings, cache)
    indices = np.array([7, 0, 23, 7])
    np.testing.assert_array_equal(extracted.rows("features", indices), values[indices])
    assert (extracted.n_computed, extracted.failed, extracted.notes) == (24, (), ())
    assert settings.file is not None
    assert extracted.weights == WeightsUsed(NAME, settings.file.digest, "file")
    assert extracted.label == (
        f"Features from a file (f.npy, 24 × 5, SHA-256 {settings.file.digest[:12]}…): not checked by this program."
    )


def test_images_without_a_usable_row_are_excluded_and_the_others_used(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    values = numbers(24)
    values[3, 2], values[4, 0] = np.nan, -1e13
    settings = write(tmp_path / "f.npy", paths_of(dataset)[:20], values[:20])
    extracted = read(dataset, settings, cache)
    assert extracted.failed_indices.tolist() == [3, 4, 20, 21, 22, 23]
    assert [each.reason for each in extracted.failed[1:3]] == [
        "Its row in the features file has values that are missing, not finite or too large (4).",
        "The features file has no row for it.",
    ]
    everything = np.arange(24)
    split = Split(everything[:12], everything[12:16], everything[16:])
    left = without_failed(split, [extracted])
    assert left.pool.tolist() == [n for n in range(12) if n not in (3, 4)]
    assert left.test.tolist() == [16, 17, 18, 19]
    assert [each.index for each in left.left_out] == [3, 4, 20, 21, 22, 23]
    assert count_missing(dataset, NAME, cache_folder=cache, indices=everything, settings=settings) == 0


def test_what_was_read_is_kept_and_needs_the_file_no_more(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    values = numbers(20)
    settings = write(tmp_path / "f.npy", [f"images/{path}" for path in paths_of(dataset)[:20]], values)
    everything = np.arange(24)
    assert count_missing(dataset, NAME, cache_folder=cache, indices=everything, settings=settings) == 24
    first = read(dataset, settings, cache)
    assert "begin with “images/”" in first.notes[0]
    (tmp_path / "f.npy").unlink()
    again = read(dataset, settings, cache)
    assert again.n_computed == 0
    assert (again.fingerprint, again.notes, again.failed) == (first.fingerprint, first.notes, first.failed)
    np.testing.assert_array_equal(again.rows("features", everything[:20]), values)


def test_a_changed_file_or_list_gives_other_rows_under_another_key(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    file, keys = tmp_path / "f.npy", paths_of(dataset)
    before = write(file, keys, numbers(24))
    first = read(dataset, before, cache)
    after = write(file, keys, numbers(24) + 1)
    second = read(dataset, after, cache)
    np.testing.assert_array_equal(second.rows("features", np.array([5])), numbers(24)[[5]] + 1)
    turned = write(file, keys[::-1], numbers(24) + 1)
    third = read(dataset, turned, cache)
    np.testing.assert_array_equal(third.rows("features", np.array([5])), numbers(24)[[18]] + 1)
    assert len({first.fingerprint, second.fingerprint, third.fingerprint}) == 3
    # Of the earlier version all is in the cache: it is used, and the change is told.
    stale = read(dataset, before, cache)
    np.testing.assert_array_equal(stale.rows("features", np.array([5])), numbers(24)[[5]])
    assert "has changed since it was chosen" in stale.notes[-1]


def test_a_file_that_changed_or_is_gone_is_refused_with_the_way_out(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    settings = write(tmp_path / "f.npy", paths_of(dataset), numbers(24))
    np.save(tmp_path / "f.npy", numbers(24) + 1)
    with pytest.raises(FeatureError, match=r"The features file f.npy has changed since it was chosen.*--features-file"):
        read(dataset, settings, cache)
    (tmp_path / "f.npy").unlink()
    with pytest.raises(FeatureError, match=r"The features file f.npy was not found at .*f.npy or next to the dataset"):
        read(dataset, settings, cache)
    with pytest.raises(FeatureError, match=r"No features file is chosen.*--features-file"):
        read(dataset, FeaturesFileSettings(), cache)
    listed = write(tmp_path / "f.npy", paths_of(dataset), numbers(24))
    (tmp_path / "f.csv").write_text("path\n", encoding="utf-8")
    with pytest.raises(FeatureError, match=r"The list of paths f.csv has changed"):
        read(dataset, listed, cache)


@pytest.mark.parametrize("place", ["images", "."])
def test_a_file_is_found_by_its_name_in_or_next_to_the_dataset(
    place: str, dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    settings = write(tmp_path / "other" / "f.npy", paths_of(dataset), numbers(24))
    for name in ("f.npy", "f.csv"):
        (tmp_path / "other" / name).rename(tmp_path / place / name)
    extracted = read(dataset, settings, cache)
    np.testing.assert_array_equal(extracted.rows("features", np.arange(24)), numbers(24))


def test_a_list_of_paths_that_is_named_is_used(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    write(tmp_path / "f.npy", paths_of(dataset), numbers(24))
    (tmp_path / "f.csv").rename(tmp_path / "list.csv")
    with pytest.raises(FeatureError, match=r"Which row of f.npy is of which image is not known"):
        read(dataset, chosen(tmp_path / "f.npy"), cache)
    settings = chosen(tmp_path / "f.npy", tmp_path / "list.csv")
    np.testing.assert_array_equal(read(dataset, settings, cache).rows("features", np.arange(24)), numbers(24))


@pytest.mark.parametrize("suffix", [".npy", ".h5", ".csv"])
def test_features_that_were_written_are_read_as_the_same_blocks_to_the_bit(
    suffix: str, dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    everything = np.arange(24)
    computed = extract(dataset, "colour-texture", cache_folder=cache)
    write_features(tmp_path / f"f{suffix}", computed, everything[::-1])
    extracted = read(dataset, chosen(tmp_path / f"f{suffix}"), cache)
    assert list(extracted.blocks.items()) == list(computed.blocks.items())
    for block in computed.blocks:
        np.testing.assert_array_equal(extracted.rows(block, everything), computed.rows(block, everything))


def test_columns_without_variance_and_one_column_alone_are_features_like_others(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    values = np.column_stack([np.zeros(24), np.full(24, 7), np.arange(24)])
    extracted = read(dataset, write(tmp_path / "f.npy", paths_of(dataset), values), cache)
    np.testing.assert_array_equal(extracted.rows("features", np.arange(24)), values.astype(np.float32))


def test_reading_states_its_memory_before_it_begins(
    dataset: Dataset, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = write(tmp_path / "f.npy", paths_of(dataset), numbers(24))
    monkeypatch.setattr("coreset_studio.core.memory.free_memory", lambda: FreeBytes)
    with pytest.raises(MemoryShortError, match="Reading Features from a file"):
        read(dataset, settings, cache)


class FreeBytes:
    """Less than any reader needs."""

    n_bytes = 50_000_000
    limit = ""


def test_a_large_file_costs_what_its_form_takes() -> None:
    large = FeaturesFile(digest="0" * 64, name="f.npy", rows=100_000, blocks={"features": 1536})
    mapped = FeaturesFileSettings(file=large).cost
    unpacked = FeaturesFileSettings(file=replace(large, name="f.npz")).cost
    assert mapped.bytes_fixed < 250e6
    assert unpacked.bytes_fixed > 8 * 100_000 * 1536
    assert 5 < mapped.seconds_for(100_000) < 30


def test_as_an_extractor_it_has_the_blocks_and_the_state_of_its_file(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    settings = write(tmp_path / "f.npy", paths_of(dataset), numbers(24))
    features = with_own(FeatureSettings(extractors=(NAME,)), NAME, file=settings.file)
    extractor = extractor_in(features, NAME)
    assert (dict(extractor.blocks), extractor.n_features) == ({"features": 5}, 5)
    assert extractor.network is None
    assert EXTRACTORS[NAME].n_features == 0
    assert not EXTRACTORS[NAME].backbone
    stored = extractor.stored
    assert stored is not None
    assert stored.state(dataset, cache).name == FileState.THERE
    assert extractor_cost(NAME, cache, settings).basis
    assert weights_of(EXTRACTORS[NAME]) == WeightsUsed(NAME, "", "none")
    nothing = EXTRACTORS[NAME].stored
    assert nothing is not None
    assert nothing.state(dataset, cache).name == FileState.NOT_CHOSEN
    with pytest.raises(FeatureError, match="cannot be computed for others"):
        extractor.prepare(np.zeros((8, 8, 3), np.uint8))


def test_reading_is_stopped_by_the_user(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    from coreset_studio.core.errors import CancelledError

    class Stop:
        def report(self, done: int, total: int, message: str = "") -> None:
            if "rows" in message:
                raise CancelledError

        def publish(self, result: object) -> None:
            raise AssertionError(result)

    settings = write(tmp_path / "f.npy", paths_of(dataset), numbers(24))
    with pytest.raises(CancelledError):
        extract(dataset, NAME, cache_folder=cache, settings=settings, progress=Stop())
    assert not (cache / MATCH_STAGE).exists()


# --- settings -----------------------------------------------------------------------------------------------------


def of_file(**changes: object) -> FeatureSettings:
    values: Mapping[str, object] = {
        "digest": "a" * 64, "name": "f.npy", "place": "/x/f.npy", "rows": 3, "blocks": {"features": 2},
        "paths_name": "f.csv", "paths_digest": "b" * 64, **changes,
    }  # fmt: skip
    return with_own(FeatureSettings(), NAME, file=FeaturesFile(**values))  # type: ignore[arg-type]


def test_keys_depend_on_the_content_of_a_file_and_not_on_its_name_and_place() -> None:
    key = settings_in_keys(of_file())
    assert settings_in_keys(of_file(name="g.npy", place="/y/g.npy", paths_name="g.csv")) == key
    assert key["own"][NAME]["file"] == {
        "digest": "a" * 64, "rows": 3, "blocks": {"features": 2}, "paths_digest": "b" * 64,
    }  # fmt: skip
    for other in ({"digest": "c" * 64}, {"paths_digest": "c" * 64}, {"blocks": {"x": 2}}):
        assert settings_in_keys(of_file(**other)) != key


def test_an_export_names_no_folder_and_a_private_one_no_file() -> None:
    shared, private = without_places(of_file(), private=False), without_places(of_file(), private=True)
    told = settings_to_dict(shared)["own"][NAME]["file"]
    assert (told["name"], told["place"], told["paths_name"], told["rows"]) == ("f.npy", "", "f.csv", 3)
    nameless = settings_to_dict(private)["own"][NAME]["file"]
    assert (nameless["name"], nameless["place"], nameless["paths_name"]) == ("", "", "")
    assert nameless["digest"] == "a" * 64
    assert settings_in_keys(private) == settings_in_keys(of_file())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"digest": "x"}, "64 hexadecimal digits"),
        ({"name": "a/f.npy"}, "must have no folders"),
        ({"paths_name": "..\\f.csv"}, "must have no folders"),
        ({"blocks": {"../x": 2}}, "A feature block is named by letters"),
        ({"blocks": {}}, "at least one row and one number"),
        ({"rows": 0}, "at least one row and one number"),
    ],
)
def test_settings_from_elsewhere_cannot_name_what_is_no_such_file(change: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        of_file(**change)
    stored = settings_to_dict(of_file())
    stored["own"][NAME]["file"] |= change
    with pytest.raises(SettingsError, match=words):
        settings_from_dict({"features": stored})


def test_a_chosen_file_is_told_in_words() -> None:
    file = of_file().own[NAME].file
    assert file.in_words == "f.npy with f.csv, 3 images × 2 features"
    assert ChosenFile(digest="0" * 64).in_words == f"SHA-256 {'0' * 12}…"
