"""Reading HEIC, AVIF and JPEG 2000."""

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from PIL import Image

from coreset_studio.core.data.codecs import boxed_format
from coreset_studio.core.data.images import decode, decode_page, n_pages, read_rgb
from coreset_studio.core.data.levels import fixed
from coreset_studio.core.errors import ImageError
from coreset_studio.core.output.image_files import sniffed_suffix
from coreset_studio.core.results import Reading, Stored

USED = Reading(levels="used", alpha="auto")
FORMS = ("HEIF", "AVIF", "JPEG2000")
NAMES = {"HEIF": "HEIC", "AVIF": "AVIF", "JPEG2000": "JPEG 2000"}


@pytest.fixture(scope="module")
def smooth() -> NDArray[np.float64]:
    """Values from 0 to 1, shape (64, 80, 3), that hardly change when they are compressed."""
    rng = np.random.default_rng(0)
    values = cv2.GaussianBlur(rng.normal(0, 1, (64, 80, 3)), (0, 0), 8)
    return (values - values.min()) / (values.max() - values.min())


@pytest.fixture(scope="module")
def stored(smooth: NDArray[np.float64]) -> Callable[..., bytes]:
    """Return a file of 8 bits, almost without losses: ``stored("HEIF", mode="RGBA")``."""

    def encode(form: str, image: Any = None, **options: Any) -> bytes:
        stream = io.BytesIO()
        image = Image.fromarray((smooth * 255).astype(np.uint8)) if image is None else image
        quality = {"HEIF": {"quality": 95, "chroma": 444}, "AVIF": {"quality": 95, "subsampling": "4:4:4"}}.get(
            form, {}
        )
        image.save(stream, form, **quality, **options)
        return stream.getvalue()

    return encode


def _close(one: NDArray[Any], other: NDArray[Any], limit: float = 3) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(float) - other.astype(float)).mean()) < limit


@pytest.mark.parametrize("form", FORMS)
def test_colour_grey_and_alpha(form: str, stored: Any, smooth: Any) -> None:
    rgb = (smooth * 255).astype(np.uint8)
    assert _close(read_rgb(stored(form)), rgb)
    grey = read_rgb(stored(form, Image.fromarray(rgb[:, :, 0])))
    assert _close(grey, rgb[:, :, [0, 0, 0]])
    alpha = np.zeros((64, 80), np.uint8)
    alpha[:, 40:] = 255
    seen = decode(stored(form, Image.fromarray(np.dstack([rgb, alpha]))), Reading(alpha="white"))
    assert seen.stored is not None
    assert seen.stored.alpha == f"alpha-{form.lower()}"
    assert _close(seen.rgb[:, 44:], rgb[:, 44:])
    assert seen.rgb[:, :36].min() > 250


@pytest.mark.parametrize("form", FORMS)
def test_the_content_decides_and_not_the_name(form: str, stored: Any, tmp_path: Path, smooth: Any) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(stored(form))
    assert _close(read_rgb(file), smooth * 255)
    suffix = {"HEIF": ".heic", "AVIF": ".avif", "JPEG2000": ".jp2"}[form]
    assert sniffed_suffix(stored(form)[:32]) == suffix


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf", "HEIC"), (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "AVIF"), (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"), (b"\xff\x4f\xff\x51\0\x2f", "JPEG 2000"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", None), (b"\0\0\0\x18ftyp", None), (b"", None),
    ],
)  # fmt: skip
def test_formats_by_their_first_bytes(head: bytes, expected: str | None) -> None:
    assert boxed_format(head) == expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.98])
def test_a_file_cut_short_is_refused(form: str, share: float, stored: Any) -> None:
    content = stored(form)
    with pytest.raises(ImageError) as caught:
        read_rgb(content[: int(len(content) * share)])
    said = str(caught.value)
    assert said.startswith((f"The {NAMES[form]} file is", "It starts like a")) or "It is not an image" in said
    assert said.count(". ") == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_file_is_one_sentence(form: str, stored: Any) -> None:
    content = bytearray(stored(form))
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    with suppress(ImageError):  # of some formats a part that is damaged cannot be known
        assert read_rgb(bytes(content)).shape == (64, 80, 3)
    with pytest.raises(ImageError, match=r"^(It starts like an? |The )[^.]*\.$"):
        read_rgb(stored(form)[:40] + bytes(2000))


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_orientation_is_applied_once(form: str, orientation: int, stored: Any, smooth: Any) -> None:
    image = Image.fromarray((smooth * 255).astype(np.uint8))
    image.getexif()[0x0112] = orientation
    turned = read_rgb(stored(form, image, **({"exif": image.getexif()} if form == "AVIF" else {})))
    assert _close(turned, np.rot90(smooth * 255, {1: 0, 3: 2, 6: 3, 8: 1}[orientation]))


def _deep(form: str, values: NDArray[np.uint16], bits: int) -> bytes:
    if form == "HEIF":
        stream = io.BytesIO()
        mode = {2: "I;16", 3: "RGB;16"}[values.ndim]
        scaled = (values.astype(np.uint32) << (16 - bits)).astype(np.uint16)
        heif = pillow_heif.from_bytes(mode, (values.shape[1], values.shape[0]), scaled.tobytes())
        heif.save(stream, quality=-1, chroma=444)
        return stream.getvalue()
    if form == "AVIF":
        options = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100]
        return cv2.imencode(".avif", np.ascontiguousarray(values[:, :, ::-1]), options)[1].tobytes()
    return bytes(encode_array(np.ascontiguousarray(values), bits_stored=bits))


@pytest.mark.parametrize(
    ("form", "bits", "kind"),
    [("HEIF", 10, "10-bit-rgb-heif"), ("AVIF", 10, "10-bit-rgb-avif"), ("AVIF", 12, "12-bit-rgb-avif"),
     ("JPEG2000", 12, "12-bit-rgb-jpeg2000"), ("JPEG2000", 16, "16-bit-rgb-jpeg2000")],
)  # fmt: skip
def test_colours_of_more_than_8_bits_are_mapped_by_the_range_of_their_kind(
    form: str, bits: int, kind: str, smooth: Any
) -> None:
    """Of 8 of its bits alone, which Pillow keeps, an image that uses a quarter of its range would have 64 levels."""
    most = 2**bits - 1
    values = (smooth * (most // 4)).astype(np.uint16)
    data = _deep(form, values, bits)
    found = decode(data, USED)
    assert found.survey is not None
    assert found.stored is not None
    assert (found.stored.kind, found.stored.bits) == (kind, bits)
    reading = fixed(USED, [(found.stored, found.survey, found.open_alpha)])
    assert reading.ranges == {kind: (0.0, float(2 ** (bits - 2) - 1))}
    assert _close(read_rgb(data, reading), values >> (bits - 10), 2)
    declared = decode(data, Reading())
    assert declared.stored is not None
    assert (declared.stored.kind, declared.stored.bits) == (kind, bits)
    assert _close(declared.rgb, values >> (bits - 8), 2)


@pytest.mark.parametrize("bits", [12, 16])
def test_the_largest_values_of_jpeg_2000_are_white(bits: int) -> None:
    """Pillow alone makes them black."""
    most = 2**bits - 1
    values = np.full((40, 40, 3), most, np.uint16)
    values[:20] = most // 2
    data = _deep("JPEG2000", values, bits)
    found = decode(data, USED)
    assert found.stored is not None
    read = read_rgb(data, fixed(USED, [(found.stored, found.survey, False)]))
    assert np.array_equal(read, values >> (bits - 8))
    assert np.array_equal(read_rgb(data), values >> (bits - 8))


def test_grey_of_16_bits(smooth: Any) -> None:
    values = (smooth[:, :, 0] * 4095).astype(np.uint16)
    data = _deep("JPEG2000", values, 16)
    found = decode(data, USED)
    assert found.stored is not None
    assert found.stored.kind == "16-bit-jpeg2000"
    assert (found.stored.low, found.stored.high) == (0.0, 4095.0)
    reading = fixed(USED, [(found.stored, found.survey, False)])
    assert np.array_equal(read_rgb(data, reading)[:, :, 0], values >> 4)


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_sequences_are_pages(form: str, stored: Any, smooth: Any, tmp_path: Path) -> None:
    rgb = (smooth * 255).astype(np.uint8)
    pages = [Image.fromarray(np.roll(rgb, 20 * at, axis=1)) for at in range(3)]
    data = stored(form, pages[0], save_all=True, append_images=pages[1:])
    first = decode(data, Reading())
    assert first.stored is not None
    assert first.stored.n_pages == 3
    assert _close(first.rgb, rgb)
    assert _close(decode_page(data, 3, Reading()).rgb, np.asarray(pages[2]), 4)
    assert _close(read_rgb(data, Reading(pages="max")), np.max([np.asarray(page) for page in pages], axis=0), 4)
    (tmp_path / "a.bin").write_bytes(data)
    assert n_pages(tmp_path / "a.bin") == 3
    with pytest.raises(ImageError, match="It has 3 pages; page 4 was requested"):
        read_rgb(data, Reading(pages="4"))


def test_the_main_image_of_a_heic_is_the_first_page_that_is_read(stored: Any, smooth: Any) -> None:
    rgb = (smooth * 255).astype(np.uint8)
    others = [Image.fromarray(np.roll(rgb, 30, axis=1))]
    data = stored("HEIF", Image.fromarray(rgb), save_all=True, append_images=others, primary_index=1)
    assert _close(read_rgb(data), np.asarray(others[0]))


@pytest.mark.parametrize("form", FORMS)
def test_the_limit_of_pixels_holds_before_anything_is_decoded(
    form: str, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coreset_studio.core.data.images.PIXEL_LIMIT", 5000)
    data = stored(form)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(ImageError, match="It has 80 × 64 pixels, more than the limit of 5,000"):
        read_rgb(data)


def test_the_limit_of_pixels_holds_for_all_pages_of_a_heic(
    stored: Any, smooth: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rgb = (smooth * 255).astype(np.uint8)
    large = Image.fromarray(np.tile(rgb, (2, 2, 1)))
    data = stored("HEIF", Image.fromarray(rgb), save_all=True, append_images=[large], primary_index=0)
    assert _close(read_rgb(data), rgb)
    monkeypatch.setattr("coreset_studio.core.data.images.PIXEL_LIMIT", 6000)
    monkeypatch.setattr(Image.Image, "seek", lambda *_: pytest.fail("memory was taken for a page"))
    with pytest.raises(ImageError, match="It has 160 × 128 pixels, more than the limit of 6,000"):
        read_rgb(data)


def test_a_folder_with_all_of_them(stored: Any, put: Any, look: Any, smooth: Any) -> None:
    for at, form in enumerate(FORMS):
        put(f"a/{at}.{form.lower()}", stored(form))
        put(f"b/{at}.{form.lower()}", stored(form, Image.fromarray((255 - smooth * 255).astype(np.uint8))))
    dataset = look()
    assert len(dataset.images) == 6
    assert not dataset.skipped
    assert all(image.stored in (None, Stored()) for image in dataset.images)
