"""TIFF files that Pillow does not read or reads wrongly, by tifffile; and all others exactly as before."""

import builtins
import io
import itertools
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from coreset_studio.core.data import images as reader
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.images import PIXEL_LIMIT, decode, decode_page, n_pages, read_rgb
from coreset_studio.core.data.levels import Decoded, fixed
from coreset_studio.core.data.pages import decode_file
from coreset_studio.core.data.tiff.faults import is_misread
from coreset_studio.core.data.tiff.planes import planes_of
from coreset_studio.core.errors import ImageError, SettingsError
from coreset_studio.core.results import Reading, Stored
from coreset_studio.core.settings import DataSettings

USED = Reading(levels="used", alpha="auto")
Values = NDArray[Any]


def tiff(values: Values, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


def noise(*shape: int, kind: Any = np.uint8, most: int = 200) -> Values:
    found: Values = (np.random.default_rng(list(shape)).random(shape) * most).astype(kind)
    return found


def read(data: bytes, reading: Reading = USED) -> Values:
    """Return the pixels as a scan of this file alone would give them."""
    found = decode(data, reading)
    if found.is_open:
        reading = fixed(reading, [(found.stored or Stored(), found.survey, found.open_alpha)])
    return read_rgb(data, reading)


def told(data: bytes, reading: Reading = USED) -> Stored:
    stored = decode(data, reading).stored
    assert stored is not None
    return stored


def by_channel(values: Values) -> dict[str, bytes]:
    return {
        "contiguous": tiff(values, photometric="minisblack", planarconfig="contig"),
        "separate": tiff(np.moveaxis(values, 2, 0), photometric="minisblack", planarconfig="separate"),
        "tiles": tiff(values, photometric="minisblack", planarconfig="contig", tile=(16, 16)),
        "big-endian": tiff(values, photometric="minisblack", planarconfig="contig", byteorder=">"),
        "bigtiff": tiff(values, photometric="minisblack", planarconfig="contig", bigtiff=True),
        "deflate": tiff(values, photometric="minisblack", planarconfig="contig", compression="zlib", rowsperstrip=3),
        "lzma": tiff(values, photometric="minisblack", planarconfig="contig", compression="lzma"),
        "tiles of planes": tiff(
            np.moveaxis(values, 2, 0), photometric="minisblack", planarconfig="separate", tile=(16, 32),
            compression="zlib",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("channels", [2, 3, 4, 5, 7])
def test_channels_become_red_green_and_blue(channels: int) -> None:
    values = noise(37, 29, channels)
    expected = np.zeros((37, 29, 3), np.uint8)
    expected[:, :, : min(3, channels)] = values[:, :, :3]
    for name, data in by_channel(values).items():
        if channels == 2:
            expected[:, :, 2] = values.min()
        assert (read(data) == expected).all(), name
        assert told(data).n_channels == channels
        assert (read(data, Reading(channels="2")) == values[:, :, 1:2]).all(), name
        swapped = read(data, Reading(channels=f"2,1,{channels}"))
        assert (swapped == values[:, :, [1, 0, channels - 1]]).all(), name


@pytest.mark.parametrize("kind", [np.uint16, np.float32, np.int16, np.uint32, np.float64])
def test_deep_channels_share_the_range_of_their_kind(kind: type) -> None:
    values = noise(20, 24, 4, kind=kind, most=1000)
    high = 1023.0
    for name, data in by_channel(values).items():
        stored = told(data)
        assert stored.n_channels == 4
        assert stored.kind.endswith("channels-tiff"), name
        rgb = read_rgb(data, Reading(levels="used", ranges={stored.kind: (0.0, high)}))
        expected = values[:, :, :3].astype(np.float64) * 255 / high
        assert np.abs(rgb - expected).max() <= 1, name


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.uint32, np.float32])
def test_predictor_of_differences(kind: type) -> None:
    values = noise(20, 24, 2, kind=np.uint16, most=60000).astype(kind)
    whole = values.view(f"u{values.dtype.itemsize}")
    stored = np.diff(whole, axis=1, prepend=np.zeros((20, 1, 2), whole.dtype))
    if kind is np.float32:
        rows = values.astype(">f4").view(np.uint8).reshape(20, 48, 4).transpose(0, 2, 1).reshape(20, 96, 2)
        stored = np.diff(rows, axis=1, prepend=0).astype(np.uint8)
    content = zlib.compress(np.ascontiguousarray(stored).astype(stored.dtype.newbyteorder("<")).tobytes())
    plain = tiff(values, photometric="minisblack", planarconfig="contig", rowsperstrip=20)
    form = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    data = single(24, 20, 2, values.dtype.itemsize * 8, form, content, compression=8, predictor=3 if form == 3 else 2)
    assert (read(data) == read(plain)).all()


def single(
    width: int, height: int, channels: int, bits: int, form: int, content: bytes, *, compression: int, predictor: int
) -> bytes:
    """Return a TIFF file of one strip, little endian, with channels side by side."""
    entries = [(256, 3, 1, width), (257, 3, 1, height), (259, 3, 1, compression), (262, 3, 1, 1), (277, 3, 1, channels),
               (278, 3, 1, height), (279, 4, 1, len(content)), (284, 3, 1, 1), (317, 3, 1, predictor)]  # fmt: skip
    place = 8 + 2 + 12 * (len(entries) + 4) + 4
    lists = struct.pack(f"<{channels}H", *[bits] * channels) + struct.pack(f"<{channels}H", *[form] * channels)
    if channels == 2:  # two numbers stand in the entry itself
        entries += [(258, 3, 2, bits | bits << 16), (339, 3, 2, form | form << 16)]
    else:
        entries += [(258, 3, channels, place), (339, 3, channels, place + 2 * channels)]
    entries += [(338, 3, 1, 0), (273, 4, 1, place + len(lists))]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + directory + bytes(4) + lists + content


@pytest.mark.parametrize(("compression", "name"), [(5, "tiff_lzw"), (32773, "packbits")])
def test_channels_in_lzw_and_packbits_are_decompressed_by_pillow(compression: int, name: str) -> None:
    values = noise(12, 16, 2) // 40 * 40
    stream = io.BytesIO()
    Image.fromarray(values.reshape(12, 32)).save(stream, "TIFF", compression=name)
    with tifffile.TiffFile(io.BytesIO(stream.getvalue())) as file:
        page = file.pages.first
        start, count = page.dataoffsets[0], page.databytecounts[0]
        assert len(page.dataoffsets) == 1
    content = stream.getvalue()[start : start + count]
    data = single(16, 12, 2, 8, 1, content, compression=compression, predictor=1)
    assert (read(data)[:, :, :2] == values).all()


def test_colours_that_pillow_does_not_open() -> None:
    values = noise(20, 24, 3, kind=np.float32, most=1000) / 1000
    assert told(tiff(values, photometric="rgb")).kind == "float-rgb-tiff"
    assert np.abs(read(tiff(values, photometric="rgb")) - values * 255).max() <= 0.5
    deep = noise(20, 24, 3, kind=np.int32, most=1000)
    assert told(tiff(deep, photometric="rgb")).kind == "signed-32-bit-rgb-tiff"
    clear = np.dstack([values, np.zeros((20, 24), np.float32)])
    found = told(tiff(clear, photometric="rgb", extrasamples=["unassalpha"]))
    assert (found.kind, found.alpha, found.hidden) == ("float-rgb-tiff", "alpha-tiff", True)


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.uint64, np.int64])
def test_types_that_pillow_does_not_open(kind: type) -> None:
    values = noise(20, 24, kind=kind, most=1000)
    stored = told(tiff(values, photometric="minisblack"))
    ranged = Reading(levels="used", ranges={stored.kind: (0.0, 1000.0)})
    expected = values.astype(np.float64) * 255 / 1000
    assert np.abs(read_rgb(tiff(values, photometric="minisblack"), ranged)[:, :, 0] - expected).max() <= 1


def test_what_was_read_wrongly() -> None:
    below = np.array([[-100, -1], [0, 100]], np.int8)
    assert read(tiff(below, photometric="minisblack"))[:, :, 0].tolist() == [[0, 126], [127, 255]]
    deep = noise(20, 24, 3, kind=np.uint16, most=1000)
    data = tiff(np.moveaxis(deep, 2, 0), photometric="rgb", planarconfig="separate")
    stored = told(data)
    assert (stored.kind, stored.high) == ("16-bit-rgb-tiff", float(deep.max()))
    assert (read(data) == deep >> 2).all()


def pillow_alone(data: bytes, reading: Reading) -> Decoded | str:
    """Return what was read before tifffile was there, or the reason why nothing was."""
    try:
        with reader._open(data) as image:
            if is_misread(image):
                return "misread"
            return decode_file(image, data, reading, lambda: reader._open(data), reader._check_size)
    except Exception as error:
        return repr(error)


FORMS: dict[str, Callable[[Values, dict[str, Any]], bytes]] = {
    "tifffile": lambda values, options: tiff(values, **options),
    "pillow": lambda values, options: _by_pillow(values),
}


def _by_pillow(values: Values) -> bytes:
    stream = io.BytesIO()
    compression = ["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate"][int(values.size) % 4]
    Image.fromarray(values).save(stream, "TIFF", compression=compression)
    return stream.getvalue()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    form=st.sampled_from(list(FORMS)),
    kind=st.sampled_from([np.uint8, np.uint16, np.float32, np.int16, np.int32, np.uint32]),
    shape=st.sampled_from([(9, 12), (3, 9, 12), (9, 12, 3), (9, 12, 4), (40, 48)]),
    pages=st.sampled_from(["first", "2", "max", "mean", "channels"]),
    levels=st.sampled_from(["used", "declared"]),
    options=st.fixed_dictionaries({}, optional={
        "compression": st.just("zlib"), "byteorder": st.sampled_from("<>"), "bigtiff": st.booleans(),
        "tile": st.just((16, 16)), "predictor": st.just(False),
    }),
)  # fmt: skip
def test_what_pillow_reads_is_read_as_before(
    form: str, kind: Any, shape: tuple[int, ...], pages: str, levels: str, options: dict[str, Any]
) -> None:
    values = noise(*shape, kind=kind)
    is_colour = shape[-1] in (3, 4)
    if form == "pillow":
        if kind is not np.uint8 and (is_colour or kind not in (np.uint16, np.float32, np.int32)):
            return
        values = values if values.ndim == 2 or is_colour else values[0]
    else:
        options = {"photometric": "rgb" if is_colour else "minisblack", **options}
        if shape[-1] == 4:
            options["extrasamples"] = ["unassalpha"]
    data = FORMS[form](values, options)
    reading = Reading(levels=levels, alpha="auto", pages=pages)
    before = pillow_alone(data, reading)
    if isinstance(before, str):
        return
    after = decode(data, reading)
    assert (after.rgb == before.rgb).all()
    assert after.stored == before.stored
    assert (after.survey is None) == (before.survey is None)
    if after.survey is not None and before.survey is not None:
        assert (after.survey.counts == before.survey.counts).all()


# --- planes of OME and ImageJ -------------------------------------------------------------------------------------


def ome(order: str = "CZYX", names: tuple[str, ...] = ("DAPI", "FITC", "TRITC", "Cy5")) -> tuple[bytes, Values]:
    values = noise(4, 3, 20, 24, most=250) if order == "CZYX" else noise(3, 4, 20, 24, most=250)
    return tiff(
        values, ome=True, photometric="minisblack", metadata={"axes": order, "Channel": {"Name": list(names)}}
    ), values


def test_first_plane_of_ome_is_read_and_the_channels_are_told() -> None:
    data, values = ome()
    assert (read(data)[:, :, 0] == values[0, 0]).all()
    stored = told(data)
    assert (stored.n_pages, stored.planes) == (12, "OME-TIFF of 4 channels (DAPI, FITC, TRITC, Cy5), 3 z positions")


@pytest.mark.parametrize("order", ["CZYX", "ZCYX"])
def test_channels_of_ome_become_colours(order: str) -> None:
    data, values = ome(order)
    channels = values[:, 0] if order == "CZYX" else values[0]
    rgb = read(data, Reading(pages="channels"))
    assert (rgb == np.moveaxis(channels[:3], 0, 2)).all()
    chosen = read(data, Reading(pages="channels", channels="4,1"))
    assert (chosen[:, :, 0] == channels[3]).all()
    assert (chosen[:, :, 1] == channels[0]).all()
    assert not chosen[:, :, 2].any()
    with pytest.raises(ImageError, match=r"It has 4 channels; channel 5 was requested"):
        read(data, Reading(pages="channels", channels="5"))


def test_channels_of_imagej_become_colours() -> None:
    values = noise(2, 4, 20, 24, most=250)
    data = tiff(values, imagej=True, metadata={"axes": "ZCYX"})
    assert told(data).planes == "ImageJ of 4 channels, 2 z positions"
    assert (read(data, Reading(pages="channels")) == np.moveaxis(values[0, :3], 0, 2)).all()


def test_pages_as_channels_can_be_chosen_without_metadata() -> None:
    values = noise(5, 20, 24)
    data = tiff(values, photometric="minisblack", metadata=None)
    assert (read(data, Reading(pages="channels", channels="5,2,1")) == np.moveaxis(values[[4, 1, 0]], 0, 2)).all()
    with pytest.raises(ImageError, match="only two or three can be read"):
        read(data, Reading(pages="channels"))


def test_pages_of_several_channels_are_pages(tmp_path: Path) -> None:
    stream = io.BytesIO()
    pages = [noise(20, 24, 5) // (at + 1) for at in range(3)]
    with tifffile.TiffWriter(stream) as writer:
        for page in pages:
            writer.write(page, photometric="minisblack", planarconfig="contig", metadata=None)
    file = tmp_path / "x.tif"
    file.write_bytes(stream.getvalue())
    assert n_pages(file) == 3
    for at in range(3):
        assert (decode_page(stream.getvalue(), at + 1, USED).rgb == pages[at][:, :, :3]).all()
    assert told(stream.getvalue()).n_channels == 5


TWO_FILES = (
    '<OME><Image><Pixels SizeC="2" SizeZ="1" SizeT="1" DimensionOrder="XYCZT"><TiffData><UUID FileName="a.tif">u</UUID>'
    '</TiffData><TiffData><UUID FileName="../../b.tif">v</UUID></TiffData></Pixels></Image></OME>'
)
COMPANION = '<OME><BinaryOnly MetadataFile="secret.ome" UUID="x"/><Pixels SizeC="3"/></OME>'


@pytest.mark.parametrize("text", [TWO_FILES, COMPANION])
def test_other_files_of_ome_are_told_and_never_opened(text: str) -> None:
    planes = planes_of(text)
    assert planes is not None
    assert planes.words_in(1).endswith("; planes in other files are not read")


def test_files_that_ome_names_are_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.ome.tif"
    other.write_bytes(tiff(noise(20, 24), photometric="minisblack"))
    description = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="24" SizeY="20" SizeC="2" SizeZ="1" SizeT="1">'
        '<TiffData IFD="0" FirstC="0"><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData>'
        '<TiffData IFD="0" FirstC="1"><UUID FileName="other.ome.tif">urn:uuid:2</UUID></TiffData></Pixels></Image>'
        "</OME>"
    )
    file = tmp_path / "a.ome.tif"
    file.write_bytes(tiff(noise(20, 24, 5), photometric="minisblack", planarconfig="contig", description=description))
    monkeypatch.chdir(tmp_path)
    opened: list[str] = []
    real = builtins.open

    def recorded(file: Any, *given: Any, **named: Any) -> Any:
        opened.append(str(file))
        return real(file, *given, **named)

    data = file.read_bytes()
    monkeypatch.setattr(builtins, "open", recorded)
    read(data)
    monkeypatch.undo()
    assert not any("other" in name for name in opened)


@pytest.mark.parametrize("text", ["", "ImageJ=1.53\nunit=micron", "<OME", "words", "<OME>" + "<Pixels " * 9999])
def test_descriptions_of_no_planes(text: str) -> None:
    assert planes_of(text) is None or not planes_of(text).words  # type: ignore[union-attr]


# --- refused ------------------------------------------------------------------------------------------------------


def refusal(data: bytes, reading: Reading = USED) -> str:
    with pytest.raises(ImageError) as caught:
        decode(data, reading)
    return str(caught.value)


def test_what_is_not_read_is_named() -> None:
    assert "complex numbers" in refusal(tiff(noise(9, 9, kind=np.complex64), photometric="minisblack"))
    data = single(8, 8, 5, 8, 1, bytes(64), compression=34712, predictor=1)
    said = refusal(data)
    assert "compressed with JPEG2000, which the package imagecodecs reads (pip install coreset-studio[tiff])" in said
    assert "3 channels; channel 4 was requested" in refusal(
        by_channel(noise(9, 9, 3))["contiguous"], Reading(channels="4")
    )


@pytest.mark.slow
def test_bomb_in_deflate_takes_no_more_than_the_image() -> None:
    bomb = zlib.compress(bytes(300_000_000), 9)
    data = single(8, 8, 5, 8, 1, bomb, compression=8, predictor=1)
    assert (read(data) == 0).all()


def test_size_is_checked_before_memory_is_taken() -> None:
    data = single(60_000, 60_000, 5, 8, 1, b"x" * 99, compression=8, predictor=1)
    side = int(PIXEL_LIMIT**0.5)
    assert refusal(data)
    assert "more than 1,000,000,000 bytes" in refusal(single(side, side, 20, 8, 1, b"x", compression=1, predictor=1))


def cut(data: bytes) -> Iterator[bytes]:
    for share in (0.1, 0.5, 0.9, 0.99):
        yield data[: int(len(data) * share)]


def test_truncated_files_are_refused() -> None:
    for data in itertools.chain.from_iterable(map(cut, by_channel(noise(40, 40, 5)).values())):
        assert refusal(data)


@pytest.mark.parametrize("text", ["", "0", "1,2,3,4", "a", "1,,2", "-1", "1.5"])
def test_channels_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="channels must be auto, or one to three numbers"):
        DataSettings(channels=text)


def test_notes_tell_channels_and_planes(tmp_path: Path) -> None:
    for at in range(4):
        folder = tmp_path / "images" / "ab"[at % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{at}.tif").write_bytes(by_channel(noise(20, 24, 4 + at))["contiguous"])
        (folder / f"{at}.ome.tif").write_bytes(ome()[0])
    dataset = scan(tmp_path / "images", cache_folder=tmp_path / "cache")
    assert not dataset.skipped
    assert any(
        note
        == "4 images have 4 to 7 channels that are not red, green and blue; channels 1, 2, 3 are shown as red, green "
        "and blue. Change it with --channels, such as --channels 3,1,2."
        for note in dataset.warnings
    )
    pages = next(note for note in dataset.warnings if "12 pages each" in note)
    assert "(OME-TIFF of 4 channels (DAPI, FITC, TRITC, Cy5), 3 z positions)" in pages
    assert "--pages max, mean, channels, each" in pages
    again = scan(tmp_path / "images", cache_folder=tmp_path / "cache")
    assert again == dataset
