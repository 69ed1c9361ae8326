"""Scanning tar archives of images."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.braces import expand_braces, is_pattern
from coreset_studio.core.data.images import is_unchanged, read_bytes, read_image
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.data.sources.tar import index
from coreset_studio.core.data.sources.tar.index import members_of, read_member
from coreset_studio.core.data.sources.tar.settings import TarSettings
from coreset_studio.core.errors import DatasetError, ImageError
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings

Files = Mapping[str, bytes | str | tarfile.TarInfo]


def _packed(files: Files | list[tuple[str, Any]], form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """Write an archive below the test's `shards` folder: ``pack("a.tar", {"1.jpg": …, "1.cls": "0"})``."""

    def write(name: str, files: Files | list[tuple[str, Any]], form: int = tarfile.PAX_FORMAT) -> Path:
        file = tmp_path / "shards" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(_packed(files, form))
        return file

    return write


@pytest.fixture
def shard(pack: Any, picture: Any, encoded: Any) -> Callable[..., Path]:
    """Write a shard of samples with numbered classes, from a first number on."""

    def write(name: str, first: int, n: int, form: int = tarfile.PAX_FORMAT) -> Path:
        files = {}
        for number in range(first, first + n):
            files[f"{number:06d}.png"] = encoded(picture(number))
            files[f"{number:06d}.cls"] = str(number % 2)
        return pack(name, files, form)

    return write


def _own(**changes: Any) -> DataSettings:
    return DataSettings(own={"tar": TarSettings(**changes)})


def _classes(dataset: Dataset) -> dict[str, str]:
    return {image.path: image.class_name for image in dataset.images}


# --- shards -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("opening", ["", "train-000001.tar", "val-000000.tar", "{train,val}-{000000..000001}.tar"])
def test_shards_are_read_in_place(shard: Any, picture: Any, encoded: Any, look: Any, form: int, opening: str) -> None:
    for name, first in (("train-000000", 0), ("train-000001", 5), ("val-000000", 10)):
        folder = shard(f"{name}.tar", first, 5, form).parent
    dataset: Dataset = look(folder / opening)
    assert (dataset.kind, dataset.root, dataset.classes) == ("tar", folder, ("0", "1"))
    assert [image.path for image in dataset.images][4:6] == [
        "train-000000.tar/000004.png",
        "train-000001.tar/000005.png",
    ]
    assert [image.split for image in dataset.images] == ["train"] * 10 + ["validation"] * 5
    assert dataset.read_as == {"classes_from": ".cls"}
    for number in range(15):
        assert read_bytes(dataset, number) == encoded(picture(number))
        assert np.array_equal(read_image(dataset, number), picture(number))
        assert is_unchanged(dataset, number)
        assert dataset.images[number].class_name == str(number % 2)
    assert any("were read together" in note for note in dataset.warnings) == (
        opening in ("train-000001.tar", "val-000000.tar")
    )
    missing = "val-000001.tar of {train,val}-{000000..000001}.tar was not found."
    assert (missing in dataset.warnings) == opening.startswith("{")


def test_which_shards_are_read_can_be_set(shard: Any, look: Any) -> None:
    for name, first in (("train-0", 0), ("train-1", 5), ("other-0", 10)):
        file = shard(f"{name}.tar", first, 5)
    assert len(look(file.parent / "train-0.tar").images) == 10
    assert len(look(file.parent / "train-0.tar", settings=_own(shards="-")).images) == 5
    assert len(look(file.parent / "train-0.tar", settings=_own(shards="*.tar")).images) == 15
    assert len(look(file.parent, settings=_own(shards="{train,other}-0.tar")).images) == 10
    folder = look(file.parent)
    assert len(folder.images) == 10
    assert (
        'The folder also contains other-0.tar, which was not read; to read all, use --shards "*.tar".'
        in folder.warnings
    )
    with pytest.raises(
        DatasetError, match=r"contains no file x\*\.tar; found other-0\.tar, train-0\.tar and train-1\.tar"
    ):
        look(file.parent, settings=_own(shards="x*.tar"))
    with pytest.raises(DatasetError, match="contains a folder; expected names of files"):
        look(file.parent, settings=_own(shards="../*.tar"))


def test_braces() -> None:
    assert expand_braces("a-{08..11}.tar") == ["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]
    assert expand_braces("{a,b}-{2..1}") == ["a-2", "a-1", "b-2", "b-1"]
    assert expand_braces("plain.tar") == ["plain.tar"]
    assert not is_pattern("a{1}.tar")
    with pytest.raises(DatasetError, match="more than 100,000 files"):
        expand_braces("{0..99999}{0..99999}")
    with pytest.raises(DatasetError, match="more than 100,000 files"):
        expand_braces("{0..999999999999}")


def test_an_export_copies_the_bytes(shard: Any, look: Any, encoded: Any, picture: Any) -> None:
    dataset = look(shard("a.tar", 0, 4))
    assert SOURCES["tar"].holds_at(dataset.images[0].path) == "bytes"
    assert SOURCES["tar"].reader.parts_below_class(dataset.images[1]) == ("a_000001.png",)
    assert read_bytes(dataset, 1) == encoded(picture(1))


def test_an_image_reads_its_own_bytes_alone(shard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = shard("a.tar", 0, 5)
    listed = members_of(file, NO_PROGRESS)
    monkeypatch.setattr(index, "members_of", lambda *_: pytest.fail("the archive was read again"))
    for member in listed.files:
        assert len(read_member(file, member.name, 10**6)) == member.size
    with pytest.raises(ImageError, match="at most 5 are read"):
        read_member(file, listed.files[0].name, 5)


def test_another_process_finds_the_places_again(
    shard: Any, monkeypatch: pytest.MonkeyPatch, look: Any, picture: Any
) -> None:
    dataset = look(shard("a.tar", 0, 5))
    monkeypatch.setattr(index, "_PLACES", index._Places())
    assert np.array_equal(read_image(dataset, 3), picture(3))


def test_a_second_scan_decodes_nothing(shard: Any, look: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = shard("a.tar", 0, 5)
    first = look(file)
    monkeypatch.setattr("coreset_studio.core.data.sources.tar.reader.decode", lambda *_: pytest.fail("decoded again"))
    assert look(file) == first


def test_an_archive_that_changed_since(shard: Any, look: Any) -> None:
    file = shard("a.tar", 0, 5)
    dataset = look(file)
    shard("a.tar", 0, 2)
    os.utime(file, ns=(0, 1))
    assert not is_unchanged(dataset, 0)
    with pytest.raises(ImageError, match=r"a\.tar contains no file 000004\.png"):
        read_image(dataset, 4)
    file.unlink()
    with pytest.raises(ImageError, match="The archive cannot be read"):
        read_image(dataset, 0)


# --- where the classes are ----------------------------------------------------------------------------------------


def test_names_of_classes_in_the_archive_and_next_to_it(pack: Any, encoded: Any, picture: Any, look: Any) -> None:
    files = {f"{n}.png": encoded(picture(n)) for n in range(4)} | {f"{n}.cls": f"{n % 2}\n" for n in range(4)}
    file = pack("a.tar", files | {"classnames.txt": "benign\ntumour\n"})
    dataset = look(file)
    assert dataset.classes == ("benign", "tumour")
    assert "Classes are named by a.tar/classnames.txt." in dataset.warnings
    file = pack("b.tar", files)
    (file.parent / "classes.json").write_text('{"zero": 0, "one": 1}')
    assert look(file).classes == ("one", "zero")
    (file.parent / "classes.json").write_text('["zero"]')
    few = look(file)
    assert few.classes == ("0", "1")
    assert "classes.json does not name all classes, so they are named by their numbers." in few.warnings


def test_classes_and_columns_of_json(pack: Any, encoded: Any, picture: Any, look: Any) -> None:
    files: dict[str, Any] = {}
    for n in range(4):
        files[f"a/{n}.jpg"] = encoded(picture(n), "JPEG")
        facts = {
            "Label": ["nv", "mel"][n % 2],
            "patient_id": f"P{n // 2}",
            "age": 40.0 + n,
            "box": [1, 2],
            "note": None,
        }
        files[f"a/{n}.json"] = json.dumps(facts)
    dataset = look(pack("a.tar", files))
    assert [image.class_name for image in dataset.images] == ["nv", "mel", "nv", "mel"]
    assert [image.group for image in dataset.images] == ["P0", "P0", "P1", "P1"]
    assert (dataset.columns, dataset.images[1].more) == (("age",), ("41",))
    assert dataset.read_as == {"classes_from": ".json", "group_column": "patient_id"}
    other = look(pack("a.tar", files), settings=_own(class_field="patient_id", group_column="-"))
    assert other.classes == ("P0", "P1")
    assert {image.group for image in other.images} == {""}
    with pytest.raises(DatasetError, match=r"no field slide; found patient_id, age"):
        look(pack("a.tar", files), settings=_own(group_column="slide"))
    with pytest.raises(DatasetError, match=r"Its \.json has no field grade; found Label, patient_id, age"):
        look(pack("a.tar", files), settings=_own(classes_from="json", class_field="grade"))


def test_texts_are_classes_unless_they_are_captions(pack: Any, encoded: Any, picture: Any, look: Any) -> None:
    images = {f"{n}.png": encoded(picture(n)) for n in range(8)}
    dataset = look(pack("a.tar", images | {f"{n}.txt": ["ill", "well"][n % 2] for n in range(8)}))
    assert dataset.classes == ("ill", "well")
    assert any("texts in the .txt files were read as classes" in note for note in dataset.warnings)
    captions = {f"{n}.txt": f"A cell, number {n}." for n in range(8)}
    with pytest.raises(DatasetError, match=r"a\.tar has no \.cls, \.json or \.txt files with classes"):
        look(pack("a.tar", images | captions))
    folders = look(
        pack("a.tar", {f"{'ab'[n % 2]}/{name}": data for n, (name, data) in enumerate((images | captions).items())})
    )
    assert folders.classes == ("a", "b")


def test_folders_are_read_as_those_on_the_disk(pack: Any, encoded: Any, picture: Any, look: Any) -> None:
    files = {f"./cells/{split}/{name}/x.{n}.png": encoded(picture(n + 10 * (name == "b") + 20 * (split == "test")))
             for split in ("train", "test") for name in "ab" for n in range(4)}  # fmt: skip
    dataset = look(pack("cells.tar", {"./cells/README.md": "words"} | files))
    assert dataset.classes == ("a", "b")
    assert [image.split for image in dataset.images] == ["test"] * 8 + ["train"] * 8
    assert dataset.images[0].path == "cells.tar/cells/test/a/x.0.png"
    assert [(one.path, one.reason) for one in dataset.skipped] == [
        ("cells.tar/cells/README.md", "It is not an image file.")
    ]
    assert SOURCES["tar"].reader.parts_below_class(dataset.images[0]) == ("cells_cells_test_x.0.png",)
    patients = look(pack("cells.tar", {f"patient{p}/{name}/{n}.png": encoded(picture(n + 9 * p + 100 * (name == "ill")))
                                       for p in range(6) for name in ("ill", "well") for n in range(2)}))  # fmt: skip
    assert patients.classes == ("ill", "well")
    assert {image.group for image in patients.images} == {f"patient{p}" for p in range(6)}


def test_masks_in_folders_are_left_out(pack: Any, encoded: Any, picture: Any, look: Any) -> None:
    mask = np.zeros((24, 32, 3), np.uint8)
    mask[6:12, 6:12] = 255
    files: dict[str, Any] = {}
    for n in range(6):
        files[f"{'ab'[n % 2]}/{n}.png"], files[f"{'ab'[n % 2]}/{n}_mask.png"] = encoded(picture(n)), encoded(mask)
    assert len(look(pack("a.tar", files)).images) == 6
    assert len(look(pack("a.tar", files), settings=DataSettings(leave_out_masks=False)).images) == 12


def test_samples_that_are_not_whole_are_listed(pack: Any, encoded: Any, picture: Any, look: Any) -> None:
    files = {f"{n}.png": encoded(picture(n)) for n in range(4)} | {f"{n}.cls": str(n % 2) for n in range(3)}
    files |= {
        "9.cls": "1",
        "0.mask.png": encoded(picture(50)),
        "1.npy": b"x",
        "2.cls": "1 2",
        "5.png": b"no",
        "5.cls": "0",
    }
    dataset = look(pack("a.tar", files))
    assert _classes(dataset) == {"a.tar/0.png": "0", "a.tar/1.png": "1"}
    assert {one.path: one.reason for one in dataset.skipped} == {
        "a.tar/0.mask.png": "It is not the image of its sample; 0.png was used.",
        "a.tar/1.npy": "It is not an image file.",
        "a.tar/2.png": "Its .cls has several classes; expected one.",
        "a.tar/3.png": "It has no .cls next to it.",
        "a.tar/5.png": next(one.reason for one in dataset.skipped if one.path == "a.tar/5.png"),
        "a.tar/9.cls": "It has no image next to it.",
    }
    assert "not an image" in next(one.reason for one in dataset.skipped if one.path == "a.tar/5.png")


# --- what is never read -------------------------------------------------------------------------------------------


def _special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_nothing_leads_out_of_an_archive(pack: Any, encoded: Any, picture: Any, look: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(picture(99)))
    files: list[tuple[str, Any]] = [(f"{n}.{end}", encoded(picture(n)) if end == "png" else str(n % 2))
                                    for n in range(4) for end in ("png", "cls")]  # fmt: skip
    names = {
        "symlink.png": (_special("symlink.png", tarfile.SYMTYPE, str(secret)), "link"),
        "hardlink.png": (_special("hardlink.png", tarfile.LNKTYPE, "0.png"), "link"),
        "device.png": (_special("device.png", tarfile.CHRTYPE), "device"),
        "pipe.png": (_special("pipe.png", tarfile.FIFOTYPE), "pipe"),
        "/root.png": (encoded(picture(5)), "leads out"),
        "../up.png": (encoded(picture(6)), "leads out"),
        "a/../../b.png": (encoded(picture(7)), "leads out"),
        "a\\..\\b.png": (encoded(picture(8)), "leads out"),
        ".hidden.png": (encoded(picture(9)), "hidden"),
        "__MACOSX/1.png": (encoded(picture(10)), "created by the system or an archive"),
        "1.png": (encoded(picture(11)), "of this name already"),
    }
    dataset = look(pack("a.tar", [*files, *((name, content) for name, (content, _) in names.items())]))
    assert len(dataset.images) == 4
    assert np.array_equal(read_image(dataset, 1), picture(1))
    reasons = {one.path: one.reason for one in dataset.skipped}
    for name, (_, words) in names.items():
        assert words in reasons[f"a.tar/{name}"]
    assert not list(tmp_path.rglob("up.png"))


def test_a_sparse_file_is_not_read(tmp_path: Path, encoded: Any, picture: Any) -> None:
    head = _special("a.png", tarfile.GNUTYPE_SPARSE)
    block = bytearray(head.tobuf(tarfile.GNU_FORMAT))
    block[386:482] = bytes(96)
    block[482:495] = bytes(13)
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    file = tmp_path / "a.tar"
    file.write_bytes(bytes(block) + bytes(1024))
    found = members_of(file, NO_PROGRESS)
    assert [one.reason for one in found.skipped] == [
        "It is stored as a sparse file, which is not read; pack it again without --sparse."
    ]


@pytest.mark.parametrize(
    "name", ["../secret.png", "a.tar/../../secret.png", "./0.png", "a.tar", "a.tar/", "secret.png"]
)
def test_only_members_that_were_listed_can_be_read(
    shard: Any, encoded: Any, picture: Any, name: str, tmp_path: Path
) -> None:
    file = shard("a.tar", 0, 2)
    (tmp_path / "secret.png").write_bytes(encoded(picture(1)))
    with pytest.raises(ImageError):
        SOURCES["tar"].reader.original(file.parent, name)


# --- what cannot be used ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar.zst", "a.tar"])
def test_packed_archives_are_one_sentence(shard: Any, look: Any, tmp_path: Path, name: str) -> None:
    packed = tmp_path / name
    packed.write_bytes(gzip.compress(shard("a.tar", 0, 3).read_bytes()))
    with pytest.raises(DatasetError, match=r"is compressed as a whole, so that single images cannot be read in place"):
        look(packed)


def test_a_truncated_archive_is_read_as_far_as_it_goes(shard: Any, look: Any) -> None:
    file = shard("a-0.tar", 0, 6)
    file.write_bytes(file.read_bytes()[: 512 * 10 + 100])
    dataset = look(file)
    assert 0 < len(dataset.images) < 6
    (note,) = [note for note in dataset.warnings if "truncated" in note]
    assert note.startswith("a-0.tar was read up to its file ")
    shard("a-1.tar", 10, 4)
    both = look(file)
    assert {image.path.partition("/")[0] for image in both.images} == {"a-0.tar", "a-1.tar"}


def test_a_damaged_header_ends_an_archive_with_a_note(shard: Any, look: Any) -> None:
    file = shard("a.tar", 0, 6)
    content = bytearray(file.read_bytes())
    place = content.index(b"000003.png")
    content[place : place + 300] = b"x" * 300
    file.write_bytes(bytes(content))
    dataset = look(file)
    assert len(dataset.images) == 3
    assert "a.tar was read up to its file 6 only: it is damaged. Copy or download it again." in dataset.warnings


def test_one_archive_of_several_that_cannot_be_read_does_not_stop_the_others(shard: Any, look: Any) -> None:
    file = shard("a-0.tar", 0, 6)
    (file.parent / "a-1.tar").write_bytes(b"words" * 1000)
    dataset = look(file)
    assert len(dataset.images) == 6
    assert "a-1.tar cannot be read: it is damaged. Copy or download it again." in dataset.warnings


@pytest.mark.parametrize(("content", "words"), [(b"", "truncated"), (b"words", "truncated"), (b"w" * 5000, "damaged")])
def test_what_is_no_archive_is_one_sentence(tmp_path: Path, look: Any, content: bytes, words: str) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"x\.tar cannot be read: it is {words}"):
        look(tmp_path / "x.tar")


def test_pipes_and_empty_archives(tmp_path: Path, look: Any, pack: Any) -> None:
    os.mkfifo(tmp_path / "pipe.tar")
    with pytest.raises(DatasetError, match="not a regular file"):
        look(tmp_path / "pipe.tar")
    with pytest.raises(DatasetError, match="contains no images"):
        look(pack("empty.tar", {}))


def _raw_header(size: bytes, kind: bytes = b"0") -> bytes:
    block = bytearray(tarfile.TarInfo("a.png").tobuf(tarfile.USTAR_FORMAT))
    block[124:136], block[156:157] = size.ljust(12, b"\0"), kind
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


@pytest.mark.parametrize(
    "header",
    [
        _raw_header(b"\xff" + (-1024).to_bytes(11, "big", signed=True)),  # would lead back for ever
        _raw_header(b"\xff" + (-1024).to_bytes(11, "big", signed=True), b"x"),
        _raw_header(b"77777777777"),
        _raw_header(b"77777777777", b"x"),
        _raw_header(b"77777777777", b"L"),
        _raw_header(b"\x80" + (2**63).to_bytes(11, "big")),
    ],
)
@pytest.mark.timeout(20)
def test_sizes_that_are_only_claimed(tmp_path: Path, look: Any, header: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(header + bytes(2048))
    with pytest.raises(DatasetError, match=r"x\.tar (cannot be read: it is|contains no)"):
        look(tmp_path / "x.tar")


def test_pages_as_images_are_refused(shard: Any, look: Any) -> None:
    with pytest.raises(DatasetError, match=r"Pages of files in a \.tar are not read as separate images"):
        look(shard("a.tar", 0, 3), settings=DataSettings(pages="each"))


@pytest.mark.parametrize(
    ("form", "content", "words"),
    [
        ("json", b"{", "not valid JSON"), ("json", b"[" * 100_000, "not valid JSON"),
        ("json", b"{}", "no field such as"),
        ("json", b'{"label": [1, 2]}', "has 2 classes in label"), ("json", b"\xff", "not UTF-8"),
        ("cls", b"", "contains no class"), ("cls", b"x" * 300, "a text of 300 characters"),
        ("cls", b"1" * 1_000_001, "at most 1,000,000 are read"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_read_cost_one_image(
    pack: Any, encoded: Any, picture: Any, look: Any, form: str, content: bytes, words: str
) -> None:
    files: dict[str, Any] = {f"{n}.png": encoded(picture(n)) for n in range(4)}
    files |= {f"{n}.{form}": str(n % 2) if form == "cls" else json.dumps({"label": n % 2}) for n in range(4)}
    dataset = look(pack("a.tar", files | {f"2.{form}": content}))
    assert len(dataset.images) == 3
    (one,) = dataset.skipped
    assert one.path == "a.tar/2.png"
    assert words in one.reason


def test_a_folder_of_images_next_to_an_archive_stays_a_folder(put: Any, look: Any) -> None:
    put("a/1.png", 1)
    put("b/1.png", 2)
    (put("x.tar", b"words").parent / "y.h5").write_bytes(b"words")
    assert look().kind == "folder"
