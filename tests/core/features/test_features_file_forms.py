"""The forms of a features file: each is read as the same rows, and what is wrong with one is told in one sentence."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from coreset_studio.core.errors import CoresetError, FeatureError
from coreset_studio.core.features.extractors.features_file.forms import Part, open_features
from coreset_studio.core.features.extractors.features_file.looking import features_from_file, paths_from_file
from coreset_studio.core.settings import DataSettings

PATHS = ["a/1.png", "a/2.png", "b/ü 3.png"]
ROWS = np.array([[0.5, -1.25, 3e-7, 4], [5, 6, 7, 8.0625], [1e20, 0, -0.1, 1 / 3]], dtype=np.float32)


def write_list(file: Path, paths: Sequence[str], header: str = "path") -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([*([[header]] if header else []), *([path] for path in paths)])


def write_npy(file: Path, rows: np.ndarray) -> None:
    np.save(file, rows)
    write_list(file.with_suffix(".csv"), PATHS)


def write_npz(file: Path, rows: np.ndarray) -> None:
    np.savez_compressed(file, features=rows, paths=np.array(PATHS))


def write_h5(file: Path, rows: np.ndarray) -> None:
    with h5py.File(file, "w") as container:
        container["features"] = rows
        container.create_dataset("paths", data=PATHS, dtype=h5py.string_dtype())


def write_csv(file: Path, rows: np.ndarray) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        names = [f"f{at}" for at in range(rows.shape[1])]
        csv.writer(stream).writerows(
            [["path", *names], *([p, *map(str, row)] for p, row in zip(PATHS, rows, strict=True))]
        )


FORMS: dict[str, Callable[[Path, np.ndarray], None]] = {
    ".npy": write_npy, ".npz": write_npz, ".h5": write_h5, ".csv": write_csv,
}  # fmt: skip


def read(file: Path, paths: Path | None = None) -> tuple[list[str], np.ndarray, list[str]]:
    """Return keys, rows and notes."""
    with open_features(file, paths) as opened:
        parts: list[Part] = list(opened.parts())
        return [key for part in parts for key in part.keys], np.concatenate([p.rows for p in parts]), opened.notes


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_as_the_same_rows_to_the_bit(form: str, tmp_path: Path) -> None:
    file = tmp_path / f"f{form}"
    FORMS[form](file, ROWS)
    keys, rows, notes = read(file)
    assert keys == PATHS
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, ROWS)
    assert notes == []
    found, told = features_from_file(file, tmp_path, DataSettings())
    assert (found.name, found.rows, dict(found.blocks), told) == (file.name, 3, {"features": 4}, ())
    assert found.place == file.as_posix()
    assert bool(found.paths_digest) == (form == ".npy")


@pytest.mark.parametrize(
    "array",
    [
        ROWS.astype("<f8"), ROWS.astype(">f4"), np.asfortranarray(ROWS), np.arange(12).reshape(3, 4),
        np.arange(12, dtype=np.uint8).reshape(3, 4), np.ones((3, 4), bool), ROWS[:, :1], ROWS[::-1],
        ROWS.clip(-6e4, 6e4).astype(np.float16),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", [".npy", ".npz", ".h5"])
def test_any_type_of_number_and_any_layout_in_memory_is_read(form: str, array: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / f"f{form}"
    FORMS[form](file, array)
    _, rows, _ = read(file)
    np.testing.assert_array_equal(rows, array.astype(np.float32))


def test_rows_are_read_in_parts_that_together_are_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coreset_studio.core.features.extractors.features_file.forms._NUMBERS_OF_A_PART", 8)
    for form, write in FORMS.items():
        write(tmp_path / f"f{form}", ROWS)
        with open_features(tmp_path / f"f{form}") as opened:
            parts = list(opened.parts())
        assert [len(part.rows) for part in parts] == [2, 1]
        np.testing.assert_array_equal(np.concatenate([part.rows for part in parts]), ROWS)


def test_fields_of_an_array_groups_of_an_h5_and_columns_with_numbers_are_blocks(tmp_path: Path) -> None:
    records = np.zeros(3, dtype=[("colour", "<f4", (2,)), ("a-b", "<f8", (1,)), ("one", "<i2")])
    records["colour"], records["a-b"][:, 0], records["one"] = ROWS[:, :2], ROWS[:, 2], [1, 2, 3]
    write_npy(tmp_path / "f.npy", records)
    with h5py.File(tmp_path / "f.h5", "w") as container:
        group = container.create_group("features", track_order=True)
        for name in ("colour", "a-b", "one"):
            group[name] = records[name].reshape(3, -1)
        container["paths"] = PATHS
    lines = ["path,colour[0],colour[1],a-b[0],one[0]"]
    lines += [",".join([p, *map(str, r["colour"]), str(np.float32(r["a-b"][0])), str(r["one"])])
              for p, r in zip(PATHS, records, strict=True)]  # fmt: skip
    (tmp_path / "f.csv").unlink()
    write_list(tmp_path / "paths.txt", PATHS, header="")
    (tmp_path / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    for name, paths in (("f.npy", tmp_path / "paths.txt"), ("f.h5", None), ("table.csv", None)):
        with open_features(tmp_path / name, paths) as opened:
            assert dict(opened.blocks) == {"colour": 2, "a-b": 1, "one": 1}
            assert list(opened.blocks) == ["colour", "a-b", "one"]
            rows = np.concatenate([part.rows for part in opened.parts()])
        np.testing.assert_array_equal(rows, np.column_stack([ROWS[:, :3], [1, 2, 3]]))


def test_a_block_cannot_be_named_like_a_folder_elsewhere(tmp_path: Path) -> None:
    records = np.zeros(3, dtype=[("../../x", "<f4", (2,)), ("y", "<f4", (1,))])
    write_npy(tmp_path / "f.npy", records)
    found, _ = features_from_file(tmp_path / "f.npy", tmp_path, DataSettings())
    assert dict(found.blocks) == {"block_1": 2, "block_2": 1}


@pytest.mark.parametrize(
    ("text", "keys", "rows", "note"),
    [
        ("path;x;y\na.png;1,5;2\nb.png;3;4\n", ["a.png", "b.png"], [[1.5, 2], [3, 4]], "decimal comma"),
        ("sep=;\npath;x\na.png;1\n", ["a.png"], [[1]], ""),
        ("path\tx\ty\na.png\t1\t2\n", ["a.png"], [[1, 2]], ""),
        ("filename,0,1\na.png,1,2\n", ["a.png"], [[1, 2]], ""),
        (",path,x\n0,a.png,7\n1,b.png,8\n", ["a.png", "b.png"], [[7], [8]], "“column 1” was not used"),
        ("a.png,1,2\nb.png,3,4\n", ["a.png", "b.png"], [[1, 2], [3, 4]], "has no header"),
        ("id,label,split,x,y\nk1,0,train,1,2\nk2,1,test,3,4\n", ["k1", "k2"], [[1, 2], [3, 4]],
         "“label”, “split” were not used as features"),
        ("name,x\n'=a.png,1\n", ["=a.png"], [[1]], ""),
        ("what,x\nu.png,1\nv.png,2\n", ["u.png", "v.png"], [[1], [2]], ""),
    ],
)  # fmt: skip
def test_tables_are_read_as_others_write_them(
    text: str, keys: list[str], rows: list[list[float]], note: str, tmp_path: Path
) -> None:
    (tmp_path / "f.csv").write_text(text, encoding="utf-8")
    found_keys, found, notes = read(tmp_path / "f.csv")
    assert found_keys == keys
    np.testing.assert_array_equal(found, np.array(rows, dtype=np.float32))
    assert note in " ".join(notes)
    assert bool(notes) == bool(note)


def test_an_empty_cell_and_a_number_beyond_float32_are_not_finite(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("path,x,y\na.png,,1\nb.png,2,nan\nc.png,1e60,3\nd.png,1,2\n", encoding="utf-8")
    _, rows, _ = read(tmp_path / "f.csv")
    assert np.isfinite(rows).all(axis=1).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("paths", "header"), [(PATHS, "path"), (PATHS, "filename"), (PATHS, ""), (["k1", "k2", "k3"], "")]
)
@pytest.mark.parametrize("suffix", [".csv", ".txt", ".tsv"])
def test_a_list_of_paths_may_have_a_header_or_none(suffix: str, paths: list[str], header: str, tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", ROWS)
    write_list(tmp_path / f"f{suffix}", paths, header)
    assert read(tmp_path / "f.npy")[0] == paths


def test_a_list_may_be_named_and_then_counts_instead_of_the_one_beside(tmp_path: Path) -> None:
    write_npy(tmp_path / "f.npy", ROWS)
    write_list(tmp_path / "other.csv", PATHS[::-1])
    assert read(tmp_path / "f.npy", tmp_path / "other.csv")[0] == PATHS[::-1]
    chosen, _ = paths_from_file(tmp_path / "other.csv", tmp_path, DataSettings())
    assert chosen.name == "other.csv"
    write_h5(tmp_path / "f.h5", ROWS)
    assert read(tmp_path / "f.h5", tmp_path / "other.csv")[0] == PATHS[::-1]


def _arrays(**arrays: object) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        if file.suffix == ".h5":
            with h5py.File(file, "w") as container:
                for name, array in arrays.items():
                    container[name] = array
        elif file.suffix == ".npz":
            np.savez(file, **arrays)  # type: ignore[arg-type]
        else:
            np.save(file, arrays["features"], allow_pickle=True)  # type: ignore[arg-type]
            write_list(file.with_suffix(".csv"), PATHS)

    return write


def _text(text: str) -> Callable[[Path], None]:
    return _bytes(text.encode())


def _bytes(content: bytes) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        file.write_bytes(content)

    return write


def _cut(file: Path) -> None:
    write_npy(file, ROWS)
    file.write_bytes(file.read_bytes()[:-7])


def _elsewhere(file: Path) -> None:
    with h5py.File(file, "w") as container:
        container["features"] = h5py.ExternalLink("other.h5", "features")
        container["paths"] = PATHS


def _stored_elsewhere(file: Path) -> None:
    with h5py.File(file, "w") as container:
        container.create_dataset("features", (3, 4), "<f4", external=[("/etc/passwd", 0, 48)])
        container["paths"] = PATHS


def _never_written(file: Path) -> None:
    with h5py.File(file, "w") as container:
        container.create_dataset("features", (10**7, 1536), "<f4", chunks=(64, 1536))
        container["paths"] = PATHS


FAULTS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "pickled": ("f.npy", _arrays(features=np.array([[1, "a"]], dtype=object)), "Python objects, which are not read"),
    "text": ("f.npy", _arrays(features=np.array([["a", "b"]])), "contains <U1 values, not numbers"),
    "complex": ("f.npy", _arrays(features=np.ones((3, 2), complex)), "contains complex128 values, not numbers"),
    "maps": ("f.npy", _arrays(features=np.ones((3, 2, 2, 5))), r"the shape \(3, 2, 2, 5\); expected two dimensions"),
    "flat": ("f.npy", _arrays(features=np.ones(12)), r"has the shape \(12,\); expected two dimensions"),
    "empty": ("f.npy", _arrays(features=np.ones((0, 4))), r"is empty: it has the shape \(0, 4\)"),
    "no columns": ("f.npy", _arrays(features=np.ones((3, 0))), "is empty"),
    "turned": ("f.npy", _arrays(features=np.ones((4, 3))), "4 rows, but f.csv names 3 images.*transpose"),
    "truncated": ("f.npy", _cut, "is truncated"),
    "no npy": ("f.npy", _text("hello"), "is not a valid .npy file"),
    "no h5": ("f.h5", _text("hello"), "is not a valid .h5 file"),
    "other names": ("f.npz", _arrays(x=ROWS, y=ROWS), "has no array named features; found x, y"),
    "other names in h5": ("f.h5", _arrays(x=ROWS), "has no array named features; found x"),
    "numbers as paths": ("f.npz", _arrays(features=ROWS, paths=ROWS), "expected a list of text"),
    "numbers as paths in h5": ("f.h5", _arrays(features=ROWS, paths=np.arange(3)), "expected a list of text"),
    "pickled paths": ("f.npz", _arrays(features=ROWS, paths=np.array(PATHS, dtype=object)), "Python objects"),
    "too few paths": ("f.npz", _arrays(features=ROWS, paths=np.array(PATHS[:2])), "3 rows, but its list of .* names 2"),
    "link": ("f.h5", _elsewhere, "has no array named features; found paths"),
    "external": ("f.h5", _stored_elsewhere, "refers to another file"),
    "never written": ("f.h5", _never_written, "it is not complete"),
    "ragged": ("f.csv", _text("path,x,y\na.png,1,2\nb.png,1\n"), "Line 3 of f.csv has 2 cells, but the header has 3"),
    "text cell": ("f.csv", _text("path,x,y\na,1,2\nb,1,2\nc,1,oops\n"), "Line 4 of f.csv has 'oops' in the column y"),
    "underscore": ("f.csv", _text("path,x\na,1\nb,2\nc,1_0\n"), "Line 4 of f.csv has '1_0' in the column x"),
    "no path": ("f.csv", _text("path,x\na.png,1\n,2\n"), "Line 3 of f.csv has no path"),
    "no numbers": ("f.csv", _text("path,class\na.png,x\n"), "has no columns of numbers"),
    "header alone": ("f.csv", _text("path,x\n"), "has a header and no rows"),
    "nothing": ("f.csv", _text(""), "is empty"),
    "no key": ("f.csv", _text("x,y\n1,2\n3,4.5\n"), "Which column of f.csv is the path"),
    "two keys": ("f.csv", _text("one,two,x\na,b,1\nc,d,2\n"), "several columns could be it: “one”, “two”"),
    "no dataset is meant": ("f.csv", _bytes(b"\x81\x8d\x00\x01" * 99), "For features, expected"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_file_is_told_in_one_sentence(fault: str, tmp_path: Path) -> None:
    name, write, words = FAULTS[fault]
    write(tmp_path / name)
    with pytest.raises(FeatureError, match=words) as error:
        features_from_file(tmp_path / name, tmp_path, DataSettings())
    assert name.partition(".")[0] in str(error.value)
    assert str(error.value).endswith(".")


def test_arrays_without_a_list_are_taken_when_chosen_and_refused_when_read(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", ROWS)
    found, notes = features_from_file(tmp_path / "f.npy", tmp_path, DataSettings())
    assert (found.rows, dict(found.blocks), found.paths_digest, notes) == (3, {"features": 4}, "", ())
    with pytest.raises(FeatureError, match=r"has no list of paths.*next to it as f.csv.*--features-paths"):
        read(tmp_path / "f.npy")


def test_a_table_of_paths_with_a_wrong_count_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", ROWS)
    write_list(tmp_path / "f.csv", [*PATHS, "x.png", "y.png"])
    with pytest.raises(FeatureError, match=r"f.npy has 3 rows, but f.csv names 5 images"):
        read(tmp_path / "f.npy")


def test_a_file_that_is_not_there_and_an_excel_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="was not found"):
        features_from_file(tmp_path / "none.npy", tmp_path, DataSettings())
    with pytest.raises(CoresetError):
        features_from_file(tmp_path, tmp_path, DataSettings())


def test_paths_that_hdf5_would_not_stop_reading_are_refused(tmp_path: Path) -> None:
    file = Path(__file__).parents[2] / "fuzz" / "corpus" / "features_container" / "text_of_no_size"
    (tmp_path / "f.h5").write_bytes(file.read_bytes())
    with pytest.raises(
        FeatureError, match=r"^f\.h5 is damaged \(a part with texts has objects of impossible sizes\)\."
    ):
        read(tmp_path / "f.h5")
