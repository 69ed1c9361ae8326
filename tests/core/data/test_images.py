"""Decoding: every format and depth becomes the right upright RGB, everything else one sentence."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from coreset_studio.core.data import images
from coreset_studio.core.data.colour import array_to_rgb
from coreset_studio.core.data.images import read_bytes, read_image, read_rgb
from coreset_studio.core.errors import ImageError
from coreset_studio.core.results import Reading


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_the_pixels(form: str, picture: Any, encoded: Any) -> None:
    rgb = picture(1)
    options = {"lossless": True} if form == "WEBP" else {}
    decoded = read_rgb(encoded(rgb, form, **options))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, rgb)


def test_jpeg_is_what_pillow_decodes(encoded: Any, picture: Any) -> None:
    data = encoded(picture(2), "JPEG", quality=90)
    assert np.array_equal(read_rgb(data), np.array(Image.open(io.BytesIO(data))))


def test_gif_gives_the_first_frame(encoded: Any) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    decoded = read_rgb(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert decoded.shape == (6, 8, 3)
    assert (decoded == (255, 0, 0)).all()


def test_content_decides_and_not_the_suffix(tmp_path: Path, encoded: Any, picture: Any) -> None:
    file = tmp_path / "really_a_png.jpg"
    file.write_bytes(encoded(picture(3), "PNG"))
    assert np.array_equal(read_rgb(file), picture(3))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(form: str, orientation: int, encoded: Any) -> None:
    # An upright picture with a red corner at the top left; each orientation stores it turned another way.
    upright = np.full((32, 48, 3), 200, dtype=np.uint8)
    upright[:16, :16] = (200, 0, 0)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[274] = orientation
    decoded = read_rgb(encoded(np.ascontiguousarray(stored), form, exif=exif))
    assert decoded.shape == (32, 48, 3)
    assert np.abs(decoded.astype(int) - upright).mean() < 8
    assert decoded[8, 8, 1] < 60


def test_palette_and_its_transparency(encoded: Any) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    plain = read_rgb(encoded(image))
    assert tuple(plain[0, 0]) == (10, 20, 30)
    assert tuple(plain[0, 1]) == (200, 100, 50)
    see_through = read_rgb(encoded(image, transparency=0))
    assert tuple(see_through[0, 0]) == (255, 255, 255)
    assert tuple(see_through[0, 1]) == (200, 100, 50)


def test_alpha_is_laid_on_white(encoded: Any) -> None:
    rgba = np.zeros((2, 3, 4), dtype=np.uint8)
    rgba[0, :, 3] = (0, 51, 255)
    decoded = read_rgb(encoded(rgba))
    assert decoded[0, :, 0].tolist() == [255, 204, 0]
    grey = Image.fromarray(np.dstack([np.full((2, 2), 100, np.uint8), np.array([[0, 255], [255, 0]], np.uint8)]))
    assert grey.mode == "LA"
    assert read_rgb(encoded(grey))[0, :, 2].tolist() == [255, 100]


def test_padding_byte_of_a_bmp_is_no_alpha() -> None:
    pixels = b"\x1e\x14\x0a\x00" * 4  # blue, green, red, padding
    header = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 32, 0, len(pixels), 0, 0, 0, 0)
    data = b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + header + pixels
    assert (read_rgb(data) == (10, 20, 30)).all()


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey_and_bilevel(mode: str, encoded: Any) -> None:
    image = Image.new(mode, (3, 2), 0)
    image.putpixel((2, 1), 255)
    decoded = read_rgb(encoded(image))
    assert decoded[1, 2].tolist() == [255, 255, 255]
    assert int(decoded.sum()) == 3 * 255


def test_cmyk_of_jpeg_and_tiff(encoded: Any) -> None:
    for form in ("JPEG", "TIFF"):
        decoded = read_rgb(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), form))
        assert np.abs(decoded.astype(int) - (255, 0, 0)).max() <= 3, form


def test_cmyk_with_a_damaged_profile_is_converted_plainly(encoded: Any) -> None:
    data = encoded(Image.new("CMYK", (16, 16), (255, 0, 255, 0)), "TIFF", icc_profile=b"no profile at all")
    assert (read_rgb(data) == (0, 255, 0)).all()


@pytest.mark.parametrize(
    ("lab", "rgb"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((100, 0, 0), (255, 255, 255)),
        ((54.3, 80.8, 69.9), (255, 0, 0)),
        ((53.6, 0, 0), (128,) * 3),
    ],
)
def test_lab_is_converted(lab: tuple[float, float, float], rgb: tuple[int, int, int], encoded: Any) -> None:
    # CIE L*a*b* of the sRGB colours under D50, the white of colour profiles; TIFF stores a* and b* as signed bytes.
    stored = bytes([round(lab[0] * 2.55), round(lab[1]) & 0xFF, round(lab[2]) & 0xFF]) * 64
    data = encoded(Image.frombytes("LAB", (8, 8), stored), "TIFF")
    assert stored in data
    assert np.abs(read_rgb(data).astype(int) - rgb).max() <= 5


def test_sixteen_bits_by_depth_and_never_per_image(encoded: Any) -> None:
    dim = np.array([[0, 256, 2560], [255, 511, 5119]], dtype=np.uint16)
    for form in ("PNG", "TIFF"):
        decoded = read_rgb(encoded(dim, form))
        assert decoded[:, :, 0].tolist() == [[0, 1, 10], [0, 1, 19]], form
        assert (decoded[:, :, 0] == decoded[:, :, 2]).all()
    bright = read_rgb(encoded(np.full((2, 2), 65535, np.uint16)))
    assert (bright == 255).all()


def test_sixteen_bit_colour_and_grey_agree() -> None:
    values = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    _, colour = cv2.imencode(".png", np.repeat(values[:, :, None], 3, axis=2))
    _, grey = cv2.imencode(".png", values)
    assert np.array_equal(read_rgb(colour.tobytes()), read_rgb(grey.tobytes()))


def test_big_endian_sixteen_bit_tiff(encoded: Any) -> None:
    image = Image.frombytes("I;16B", (2, 1), b"\x10\x00\xff\x00")
    assert read_rgb(encoded(image, "TIFF"))[0, :, 1].tolist() == [16, 255]


def _tiff(values: np.ndarray, bits: int, *, sample_format: int = 1, white_is_zero: bool = False) -> bytes:
    """Return an uncompressed little-endian greyscale TIFF, since Pillow does not write all that it reads."""
    height, width = values.shape
    if bits == 12:
        flat = values.ravel().astype(np.uint32)
        pairs = (flat[0::2] << 12) | flat[1::2]
        data = b"".join(int(pair).to_bytes(3, "big") for pair in pairs)
    else:
        data = values.tobytes()
    entries = [
        (256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, 0 if white_is_zero else 1),
        (273, 4, 8), (277, 3, 1), (278, 3, height), (279, 4, len(data)), (339, 3, sample_format),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHI", tag, kind, 1) + (struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", value))
        for tag, kind, value in entries
    )
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + struct.pack("<I", 0)


def test_twelve_bits_are_read_by_their_depth() -> None:
    values = np.array([[0, 16, 4095, 2048]], dtype=np.uint16)
    assert read_rgb(_tiff(values, 12))[0, :, 0].tolist() == [0, 1, 255, 128]


def test_white_is_zero_is_turned() -> None:
    values = np.array([[0, 65535]], dtype=np.uint16)
    assert read_rgb(_tiff(values, 16, white_is_zero=True))[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize(("bits", "sample_format", "dtype"), [(16, 2, np.int16), (32, 1, np.uint32), (32, 2, np.int32)])
def test_depths_without_black_and_white_are_refused(bits: int, sample_format: int, dtype: type) -> None:
    with pytest.raises(ImageError, match=f"{bits}-bit (un)?signed greyscale"):
        read_rgb(_tiff(np.array([[1, 2]], dtype=dtype), bits, sample_format=sample_format))


def test_float_grey_as_0_to_1_or_0_to_255(encoded: Any) -> None:
    unit = np.array([[0, 0.5, 1]], dtype=np.float32)
    assert read_rgb(encoded(unit, "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    byte = np.array([[0, 99.6, 255]], dtype=np.float32)
    assert read_rgb(encoded(byte, "TIFF"))[0, :, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize("value", [-0.1, 255.5, float("nan"), float("inf")])
def test_other_floats_are_refused(value: float, encoded: Any) -> None:
    with pytest.raises(ImageError, match="floating-point values"):
        read_rgb(encoded(np.array([[0.0, value]], dtype=np.float32), "TIFF"))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_a_file_cut_short_is_refused(form: str, share: float, encoded: Any, picture: Any) -> None:
    data = encoded(picture(4, 64, 64), form)
    with pytest.raises(ImageError) as caught:
        read_rgb(data[: int(len(data) * share)])
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_empty_and_foreign_files(tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    with pytest.raises(ImageError, match="The file is empty"):
        read_rgb(empty)
    text = tmp_path / "notes.jpg"
    text.write_text("these are notes")
    with pytest.raises(ImageError, match="It is not an image"):
        read_rgb(text)
    with pytest.raises(ImageError, match="cannot be read"):
        read_rgb(tmp_path / "missing.png")
    with pytest.raises(ImageError, match="cannot be read"):
        read_rgb(tmp_path)


def test_postscript_is_never_run() -> None:
    with pytest.raises(ImageError, match="not an image"):
        read_rgb(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


def test_pixel_limit_is_kept_before_decoding(monkeypatch: pytest.MonkeyPatch, encoded: Any, picture: Any) -> None:
    data = encoded(picture(5, 20, 30))
    monkeypatch.setattr(images, "PIXEL_LIMIT", 600)
    read_rgb(data)
    monkeypatch.setattr(images, "PIXEL_LIMIT", 599)
    with pytest.raises(ImageError, match="30 × 20 pixels, more than the limit of 599"):
        read_rgb(data)


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_bomb_is_refused_without_decoding(side: int, encoded: Any) -> None:
    data = bytearray(encoded(np.zeros((1, 1), np.uint8)))
    data[16:24] = struct.pack(">II", side, side)  # width and height of the PNG header
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    with pytest.raises(ImageError, match="limit of 64,000,000"):
        read_rgb(bytes(data))


def test_a_file_over_the_byte_limit_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoded: Any) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(encoded(np.zeros((50, 50), np.uint8)))
    monkeypatch.setattr(images, "BYTE_LIMIT", 50)
    with pytest.raises(ImageError, match="bytes; at most 50 are read"):
        read_rgb(file)


def test_odd_metadata_is_no_warning_on_any_thread(encoded: Any, picture: Any) -> None:
    data = encoded(picture(6), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        shapes = {rgb.shape for rgb in pool.map(read_rgb, [data] * 64)}
    assert shapes == {(24, 32, 3)}
    assert list(warnings.filters) == before


_FILES = {form: io.BytesIO() for form in ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF")}
for _form, _stream in _FILES.items():
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(_stream, _form)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(_FILES)), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8))
def test_damaged_bytes_give_an_image_or_a_sentence(form: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(_FILES[form].getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    try:
        rgb = read_rgb(bytes(data))
    except ImageError as error:
        reason, rgb = str(error), np.zeros((1, 1, 3), np.uint8)
    else:
        reason = "."
    assert reason.endswith(".")
    assert rgb.dtype == np.uint8
    assert rgb.ndim == 3


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_give_an_image_or_a_sentence(data: bytes) -> None:
    with pytest.raises(ImageError):
        read_rgb(data)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 255]], np.uint8), [0, 255]),
        (np.array([[[7], [9]]], np.uint8), [7, 9]),
        (np.array([[256, 65535]], np.uint16), [1, 255]),
        (np.array([[0.0, 1.0]]), [0, 255]),
        (np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), [1, 4]),
        (np.array([[[0, 0, 0, 0], [9, 9, 9, 255]]], np.uint8), [255, 9]),
    ],
)
def test_arrays_become_rgb(array: np.ndarray, expected: list[int]) -> None:
    rgb = array_to_rgb(array)
    assert rgb.shape == (1, 2, 3)
    assert rgb[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 4, 4, 4), np.uint8), "shape"),
        (np.zeros((0, 4), np.uint8), "shape"),
        (np.zeros((4, 4, 2), np.uint8), "shape"),
        (np.zeros((4, 4), np.int64), "int64"),
        (np.full((2, 2), -1.0), "floating-point"),
    ],
)
def test_arrays_that_are_no_image(array: np.ndarray, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        array_to_rgb(array)


def test_reading_from_a_dataset(put: Any, look: Callable[..., Any], picture: Any) -> None:
    file = put("a/x.png", 1)
    put("b/y.png", 2)
    dataset = look()
    assert np.array_equal(read_image(dataset, 0), picture(1))
    assert read_bytes(dataset, 0) == file.read_bytes()
    file.unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(dataset, 0)


def test_cmyk_asks_its_profile_first(encoded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A profile of another kind of colours does not fit CMYK; the plain conversion is the answer then.
    data = encoded(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "TIFF", icc_profile=profile)
    assert (read_rgb(data) == (0, 255, 255)).all()
    monkeypatch.setattr(ImageCms, "buildTransform", lambda *_: "transform")
    monkeypatch.setattr(ImageCms, "applyTransform", lambda image, _: Image.new("RGB", image.size, (1, 2, 3)))
    assert (read_rgb(data) == (1, 2, 3)).all()


def _segment(marker: bytes) -> bytes:
    return b"\xff" + marker + b"\0\2"


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff" + bytes(20_000_000),
        b"\xff\xd8" + _segment(b"\xe1") * 2_000_000,
        b"GIF89a\1\0\1\0\0\0\0\x21\xfe" + b"\1a" * 10_000_000,
    ],
    ids=["zeros behind a head", "empty segments", "a comment in pieces"],
)
def test_rubbish_behind_a_head_is_given_up_after_a_while(content: bytes) -> None:
    with pytest.raises(ImageError, match="has more parts than"):
        read_rgb(content)


def test_a_long_fill_inside_a_jpeg_is_not_waited_for(encoded: Any, picture: Any) -> None:
    whole = encoded(picture(1, 200, 200), "JPEG")
    with pytest.raises(ImageError, match="more meaningless bytes"):
        read_rgb(whole[: len(whole) // 2] + b"\xff" * 3_000_000)


def test_a_jpeg_of_endless_passes_is_refused(encoded: Any, picture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoded(picture(1, 200, 200), "JPEG", progressive=True)
    last = whole[whole.rfind(b"\xff\xda") : -2]
    monkeypatch.setattr(images, "_MOST_SCANNED", 40 * 200 * 200)
    assert read_rgb(whole + last * 5).shape == (200, 200, 3)
    with pytest.raises(ImageError, match="scans of 200 × 200 pixels"):
        read_rgb(whole[:-2] + last * 50 + whole[-2:])


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match="not a regular file"):
        read_rgb(tmp_path / "a.png")


def _with_length(tiff: bytes, length: int) -> bytes:
    """Return a little-endian TIFF whose first page claims another number of rows (tag 257)."""
    (at,) = struct.unpack_from("<I", tiff, 4)
    for entry in range(struct.unpack_from("<H", tiff, at)[0]):
        place = at + 2 + 12 * entry
        (tag,) = struct.unpack_from("<H", tiff, place)
        if tag == 257:
            return tiff[:place] + struct.pack("<HHII", tag, 4, 1, length) + tiff[place + 12 :]
    raise AssertionError("no such tag")


@pytest.mark.parametrize("mode", ["L", "RGB", "F", "I;16"])
def test_a_tiff_that_lists_too_few_strips_is_refused_at_once(encoded: Any, mode: str) -> None:
    # 566 bytes that claim 50 million pixels: Pillow leaves the missing rows black, and it takes seconds.
    whole = encoded(Image.new(mode, (12, 9), 100), "TIFF")
    assert read_rgb(whole).shape == (9, 12, 3)
    with pytest.raises(ImageError) as error:
        read_rgb(_with_length(whole, 9 + 0x400000))
    assert str(error.value) == (
        "The TIFF file is incomplete: it lists 1 of the 466,035 strips that 12 × 4,194,313 pixels need. "
        "Save it again from the original."
    )


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "jpeg"])
def test_a_whole_tiff_of_one_strip_or_many_is_read(encoded: Any, picture: Any, compression: str | None) -> None:
    image = Image.fromarray(np.tile(picture(4), (40, 40, 1)))
    data = encoded(image, "TIFF", compression=compression)
    with Image.open(io.BytesIO(data)) as opened:
        assert (len(opened.tag_v2[273]) > 1) is (compression is not None)
    assert read_rgb(data).shape == (image.height, image.width, 3)


def test_a_png_with_a_chunk_longer_than_the_file_is_refused_at_once(tmp_path: Path) -> None:
    # OpenCV, which reads colours of 16 bits, would reserve up to 4 GB for it.
    file, reading = tmp_path / "deep.png", Reading(levels="used", alpha="auto")
    whole = cv2.imencode(".png", np.arange(9 * 12 * 3, dtype=np.uint16).reshape(9, 12, 3))[1].tobytes()
    file.write_bytes(whole)
    assert images.decode(file, reading).is_open
    at = whole.index(b"IDAT") - 4
    file.write_bytes(whole[:at] + b"\x0f\xff" + whole[at + 2 :])
    with pytest.raises(ImageError, match=r"^The PNG file is cut short\.$"):
        images.decode(file, reading)
