"""The one decode pass: hashes, thumbnails, threads, cancelling, and what a second look saves."""

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from coreset_studio.core.data import reader, scanning
from coreset_studio.core.data import stored as stored_form
from coreset_studio.core.data.dataset import find_duplicates, load_dataset, save_dataset, scan, stored_file
from coreset_studio.core.data.images import read_rgb, thumbnail_file
from coreset_studio.core.data.quality import MEASURES
from coreset_studio.core.data.scanning import pixel_hash
from coreset_studio.core.errors import CacheError, CancelledError, DatasetError
from coreset_studio.core.results import Dataset, Image

Put = Callable[..., Path]
Look = Callable[..., Dataset]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """Count how often each content is decoded."""
    count: Counter[bytes] = Counter()
    real = reader.decode

    def counted(data: bytes, reading: Any) -> Any:
        count[data] += 1
        return real(data, reading)

    monkeypatch.setattr(reader, "decode", counted)
    return count


class Listener:
    """Progress that remembers, and asks to stop after `stop_at` images."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.reports: list[tuple[int, int, str]] = []
        self.stop_at = stop_at

    def report(self, done: int, total: int, message: str = "") -> None:
        self.reports.append((done, total, message))
        if self.stop_at is not None and done >= self.stop_at:
            raise CancelledError

    def publish(self, result: object) -> None:
        pytest.fail("a scan publishes nothing")


def test_every_file_is_decoded_once(put: Put, look: Look, decoded: Counter[bytes]) -> None:
    for number in range(40):
        put(f"{'ab'[number % 2]}/{number}.png", number)
    look()
    assert len(decoded) == 40
    assert set(decoded.values()) == {1}


def test_an_unchanged_file_is_not_decoded_again(put: Put, look: Look, decoded: Counter[bytes], tmp_path: Path) -> None:
    for number in range(6):
        put(f"a/{number}.png", number)
    first = look()
    decoded.clear()
    assert look() == first
    assert not decoded
    changed = put("a/3.png", 30)
    put("a/new.png", 31)
    (tmp_path / "images/a/5.png").unlink()
    second = look()
    assert set(decoded) == {changed.read_bytes(), (tmp_path / "images/a/new.png").read_bytes()}
    assert [image.path for image in second.images] == [
        "a/0.png",
        "a/1.png",
        "a/2.png",
        "a/3.png",
        "a/4.png",
        "a/new.png",
    ]
    assert second.images[3].pixels != first.images[3].pixels
    assert second.images[0] == first.images[0]


def test_same_size_and_another_time_is_decoded_again(put: Put, look: Look, decoded: Counter[bytes]) -> None:
    file = put("a/1.png", 1)
    look()
    decoded.clear()
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    look()
    assert len(decoded) == 1


def test_previous_serves_where_the_cache_is_another(
    put: Put, look: Look, tmp_path: Path, decoded: Counter[bytes]
) -> None:
    put("a/1.png", 1)
    put("b/2.png", 2)
    first = look()
    decoded.clear()
    stored_file(tmp_path / "cache", tmp_path / "images").unlink()
    (tmp_path / "images").rename(tmp_path / "moved")
    second = look(tmp_path / "moved", previous=first)
    assert not decoded
    assert second.root == tmp_path / "moved"
    assert second.images == first.images


def test_a_lost_thumbnail_is_made_again(put: Put, look: Look, tmp_path: Path) -> None:
    put("a/1.png", 1)
    file = thumbnail_file(tmp_path / "cache", look().images[0].pixels)
    for damage in (file.unlink, lambda: file.write_bytes(b"")):
        damage()
        look()
        assert file.stat().st_size > 0


def test_a_class_renamed_is_not_decoded_again_and_has_its_new_name(put: Put, look: Look, tmp_path: Path) -> None:
    put("a.png", 1)
    put("b.png", 2)
    table = tmp_path / "images" / "list.csv"
    table.write_text("path,class,group\na.png,old,P1\nb.png,x,P2\n")
    first = look(table)
    table.write_text("path,class,group,split\na.png,new,P9,test\nb.png,x,P2,train\n")
    second = look(table)
    assert second.images[0] == replace(first.images[0], class_name="new", group="P9", split="test")


def test_facts_of_an_image(put: Put, look: Look, tmp_path: Path, picture: Any) -> None:
    file = put("a/1.png", 1)
    image = look().images[0]
    assert image.file == hashlib.sha256(file.read_bytes()).hexdigest()
    assert image.pixels == pixel_hash(picture(1))
    assert image.modified_ns == file.stat().st_mtime_ns
    assert len(image.perceptual) == 16
    int(image.perceptual, 16)


def test_pixels_are_the_same_in_any_container(put: Put, look: Look, encoded: Any, picture: Any) -> None:
    put("a/1.png", encoded(picture(1), "PNG"))
    put("a/2.bmp", encoded(picture(1), "BMP"))
    put("b/3.tif", encoded(picture(1), "TIFF"))
    put("b/4.png", encoded(picture(1)[:, ::-1], "PNG"))
    dataset = look()
    assert len({image.pixels for image in dataset.images}) == 2
    assert len({image.file for image in dataset.images}) == 4
    (same,) = find_duplicates(dataset)
    assert [dataset.images[index].path for index in same.indices] == ["a/1.png", "a/2.bmp", "b/3.tif"]
    assert same.conflicting


def test_size_is_part_of_the_identity() -> None:
    assert pixel_hash(np.zeros((2, 6, 3), np.uint8)) != pixel_hash(np.zeros((6, 2, 3), np.uint8))


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(300, 600, (64, 128)), (500, 3, (128, 1)), (20, 30, (20, 30))]
)
def test_thumbnails(
    height: int, width: int, expected: tuple[int, int], put: Put, look: Look, tmp_path: Path, encoded: Any
) -> None:
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), x * 0 + 128], axis=2).astype(
        np.uint8
    )
    put("a/1.png", encoded(smooth))
    small = read_rgb(thumbnail_file(tmp_path / "cache", look().images[0].pixels))
    assert small.shape[:2] == expected
    wanted = cv2.resize(smooth, expected[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - wanted).mean() < 3


def stored(cache: Path) -> list[Path]:
    """Return all files of a cache but those that tell what is in use."""
    return [file for file in cache.rglob("*") if file.is_file() and file.parent.name != "in-use"]


def test_no_half_written_file_stays_in_the_cache(put: Put, look: Look, tmp_path: Path) -> None:
    for number in range(20):
        put(f"a/{number}.png", number % 4)  # many threads write the same thumbnails
    look()
    files = stored(tmp_path / "cache")
    assert len(files) == 4 + 1
    assert not [file for file in files if file.name.startswith(".")]


def test_progress_counts_every_image(put: Put, look: Look, encoded: Any) -> None:
    for number in range(50):
        put(f"a/{number}.png", number)
    put("a/broken.png", b"\x89PNG\r\n\x1a\nwords")
    listener = Listener()
    look(progress=listener)
    done = [report[0] for report in listener.reports if report[1:] != (0, "Listing: files")]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 51)
    assert {report[1:] for report in listener.reports} == {(0, "Listing: files"), (51, "Scanning: images")}


def test_cancelling_keeps_what_is_done(put: Put, look: Look, decoded: Counter[bytes]) -> None:
    for number in range(200):
        put(f"a/{number:03d}.png", number)
    before = threading.active_count()
    with pytest.raises(CancelledError):
        look(progress=Listener(stop_at=16))
    begun = sum(decoded.values())
    assert 16 <= begun < 200
    assert threading.active_count() == before
    dataset = look()
    assert len(dataset.images) == 200
    assert set(decoded.values()) == {1}


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_the_number_of_threads_changes_nothing(
    put: Put, tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        put(f"{'abc'[number % 3]}/{number}.png", number % 50)
    expected = scan(tmp_path / "images", cache_folder=tmp_path / "cache")
    monkeypatch.setattr(scanning, "thread_count", lambda: threads)
    assert scan(tmp_path / "images", cache_folder=tmp_path / f"cache {threads}") == expected


def test_a_cache_that_cannot_be_written_is_one_sentence(put: Put, look: Look, tmp_path: Path) -> None:
    put("a/1.png", 1)
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(CacheError, match=r"cannot be written \(Not a directory\)"):
        look()


def test_a_full_disk_is_one_sentence(put: Put, look: Look, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put("a/1.png", 1)
    real = Path.write_bytes

    def full(file: Path, data: bytes) -> int:
        if "thumbnails" in file.parts:
            real(file, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return real(file, data)

    (tmp_path / "cache/thumbnails").mkdir(parents=True)
    for number in range(256):
        (tmp_path / f"cache/thumbnails/{number:02x}").mkdir()
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CacheError, match=r"No space left on device\)\. Free some space"):
        look()
    assert not stored(tmp_path / "cache")


def test_storing_and_loading(put: Put, look: Look, tmp_path: Path) -> None:
    put("größe/細胞 1.png", 1)
    put("b/2.png", 2)
    put("b/.hidden", b"x")
    dataset = look()
    file = tmp_path / "elsewhere" / "set.json"
    save_dataset(dataset, file)
    assert load_dataset(file) == dataset
    assert dataset == load_dataset(stored_file(tmp_path / "cache", tmp_path / "images"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 99}', b"\xff\xfe"])
def test_a_stored_scan_that_is_damaged(put: Put, look: Look, tmp_path: Path, content: bytes) -> None:
    put("a/1.png", 1)
    first = look()
    file = stored_file(tmp_path / "cache", tmp_path / "images")
    file.write_bytes(content)
    with pytest.raises(DatasetError):
        load_dataset(file)
    assert look() == first
    assert load_dataset(file) == first


def test_a_stored_scan_cut_short_is_scanned_again(put: Put, look: Look, tmp_path: Path) -> None:
    put("a/1.png", 1)
    first = look()
    file = stored_file(tmp_path / "cache", tmp_path / "images")
    file.write_bytes(file.read_bytes()[:-40])
    assert look() == first


def test_a_failed_save_leaves_the_old_file(
    put: Put, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a/1.png", 1)
    dataset = look()
    file = tmp_path / "set.json"
    save_dataset(dataset, file)
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CacheError, match="No space left on device"):
        save_dataset(replace(dataset, warnings=("other",)), file)
    assert file.read_bytes() == before


def test_identical_images_scan(put: Put, look: Look, encoded: Any) -> None:
    flat = encoded(np.full((20, 20, 3), 77, np.uint8))
    for number in range(6):
        put(f"a/{number}.png", flat)
    (same,) = find_duplicates(look())
    assert same.indices == (0, 1, 2, 3, 4, 5)
    assert not same.conflicting


@pytest.mark.parametrize(
    ("field", "value"),
    [("pixels", "../../x"), ("pixels", ""), ("width", "3"), ("width", 0), ("width", True), ("n_bytes", -1),
     ("path", 5), ("split", "all"), ("class_name", None), ("modified_ns", 1.5)],
)  # fmt: skip
def test_a_stored_scan_is_checked_before_it_is_believed(
    put: Put, look: Look, tmp_path: Path, field: str, value: object
) -> None:
    put("a/1.png")
    file = tmp_path / "scan.json"
    save_dataset(look(), file)
    values = json.loads(file.read_text())
    values["images"][0][values["fields"].index(field)] = value
    file.write_text(json.dumps(values))
    with pytest.raises(DatasetError, match="damaged"):
        load_dataset(file)


def test_keeping_a_scan_tells_how_far_it_is_and_writes_what_it_wrote(
    tmp_path: Path, put: Put, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        put(f"a/{number}.png", number)
    for number in range(3):
        put(f"a/é{number}.png", b"\x89PNG\r\n\x1a\nwords")
    monkeypatch.setattr(stored_form, "_ROWS_AT_ONCE", 2)
    listener = Listener()
    dataset = look(progress=listener)
    assert [report[:2] for report in listener.reports if "Storing" in report[2]] == [
        (2, 8), (4, 8), (5, 8), (7, 8)
    ]  # fmt: skip
    later = ("stored", "more", "original_class", "header")
    names = [field.name for field in fields(Image) if field.name not in later]
    reading = {name: value for name, value in asdict(dataset.reading).items() if name not in ("window", "channels")}
    values = {
        "format": 1, "root": str(dataset.root), "source": str(dataset.source), "kind": "folder", "fields": names,
        "images": [[getattr(image, name) for name in names] for image in dataset.images],
        "skipped": [asdict(each) for each in dataset.skipped], "warnings": list(dataset.warnings),
        **({"read_as": dict(dataset.read_as)} if dataset.read_as else {}), "reading": reading,
        "measures": list(MEASURES),
    }  # fmt: skip
    file = stored_file(tmp_path / "cache", tmp_path / "images")
    assert file.read_text() == json.dumps(values, ensure_ascii=True, separators=(",", ":"))


def test_a_stop_while_the_scan_is_kept_loses_no_decoded_image(
    tmp_path: Path, put: Put, look: Look, decoded: Counter[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_form, "_ROWS_AT_ONCE", 2)
    for number in range(5):
        put(f"a/{number}.png", number)

    class Stopping(Listener):
        def report(self, done: int, total: int, message: str = "") -> None:
            if "Storing" in message:
                raise CancelledError

    with pytest.raises(CancelledError):
        look(progress=Stopping())
    assert len(load_dataset(stored_file(tmp_path / "cache", tmp_path / "images")).images) == 5
    look()
    assert set(decoded.values()) == {1}
