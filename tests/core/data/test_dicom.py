"""DICOM images: the pixels, by every way in which values are stored, and by windows."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import JPEG2000Lossless, RLELossless

from coreset_studio.core.data.dicom.decoding import n_frames
from coreset_studio.core.data.dicom.frames import frame_values
from coreset_studio.core.data.dicom.parsing import parse
from coreset_studio.core.data.images import decode, decode_page, read_rgb
from coreset_studio.core.data.images import n_pages as pages_of
from coreset_studio.core.data.levels import fixed
from coreset_studio.core.errors import ImageError, SettingsError
from coreset_studio.core.results import Reading, Stored
from coreset_studio.core.settings import DataSettings
from tests.core.data.dicom_files import compressed, dicom_bytes, item, lossless_jpeg, words, written

USED = Reading(levels="used", alpha="auto")
IMPLICIT, BIG, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
BASELINE, LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"


def ramp(most: int = 4095, shape: tuple[int, int] = (12, 16)) -> NDArray[np.uint16]:
    return np.linspace(0, most, shape[0] * shape[1]).astype(np.uint16).reshape(shape)


def grey(data: bytes, reading: Reading = USED) -> NDArray[np.uint8]:
    found = decode(data, reading)
    if found.is_open:
        reading = fixed(reading, [(found.stored or Stored(), found.survey, found.open_alpha)])
    rgb = read_rgb(data, reading)
    assert (rgb[:, :, 0] == rgb[:, :, 1]).all()
    assert (rgb[:, :, 0] == rgb[:, :, 2]).all()
    return rgb[:, :, 0]


def test_window_in_hounsfield_units_as_dicom_defines_it() -> None:
    values = np.array([[864, 865, 1063, 1064, 1263, 1264, 0, 4095]], np.uint16)
    data = dicom_bytes(
        values, bits=12, RescaleSlope="1", RescaleIntercept="-1024", WindowCenter="40", WindowWidth="400"
    )
    # PS3.3 C.11.2.1.2: black up to 40 - 0.5 - 199.5 = -160, white above 40 - 0.5 + 199.5 = 239.
    expected = [0, 1, 127, 128, 255, 255, 0, 255]
    assert grey(data)[0].tolist() == expected
    stored = decode(data, USED).stored
    assert stored is not None
    assert (stored.kind, stored.window, stored.n_windows, stored.form) == ("ct-dicom", "40:400", 1, "dicom")
    assert (stored.low, stored.high) == (-1024.0, 3071.0)


@pytest.mark.parametrize(
    ("function", "expected"),
    [("LINEAR_EXACT", [0, 64, 128, 191, 255]), ("SIGMOID", [30, 69, 128, 186, 225])],
)
def test_other_window_functions(function: str, expected: list[int]) -> None:
    values = np.array([[50, 75, 100, 125, 150]], np.uint16)
    data = dicom_bytes(values, WindowCenter=100, WindowWidth=100, VOILUTFunction=function, Modality="MR")
    assert grey(data)[0].tolist() == expected


def test_window_of_width_1_is_a_threshold() -> None:
    data = dicom_bytes(np.array([[9, 10, 11]], np.uint16), WindowCenter=10.5, WindowWidth=1, Modality="MR")
    assert grey(data)[0].tolist() == [0, 0, 255]


def test_first_of_several_windows_is_used_and_counted() -> None:
    data = dicom_bytes(ramp(), WindowCenter=["100", "2000"], WindowWidth=["0", "1000"], Modality="MR")
    stored = decode(data, USED).stored
    assert stored is not None
    # The first has no width, so it is none.
    assert (stored.window, stored.n_windows) == ("2000:1000", 1)
    both = decode(dicom_bytes(ramp(), WindowCenter=[100, 2000], WindowWidth=[50, 1000]), USED).stored
    assert both is not None
    assert (both.window, both.n_windows) == ("100:50", 2)


def test_table_of_grey_levels_comes_before_a_window() -> None:
    table = item(LUTDescriptor=[4, 10, 8], LUTData=words(0, 50, 200, 255))
    data = dicom_bytes(
        np.array([[5, 10, 11, 12, 13, 99]], np.uint16), VOILUTSequence=[table], WindowCenter=1, WindowWidth=9,
        Modality="DX",
    )  # fmt: skip
    assert grey(data)[0].tolist() == [0, 0, 50, 200, 255, 255]
    stored = decode(data, USED).stored
    assert stored is not None
    assert (stored.window, stored.n_windows) == ("table", 2)


def test_table_of_the_modality_comes_before_the_window() -> None:
    table = item(LUTDescriptor=[3, 0, 16], LUTData=words(0, 100, 1000))
    values = np.array([[0, 1, 2]], np.uint16)
    data = dicom_bytes(
        values, ModalityLUTSequence=[table], WindowCenter=100, WindowWidth=200, VOILUTFunction="LINEAR_EXACT"
    )
    assert grey(data)[0].tolist() == [0, 128, 255]


def test_range_of_all_files_without_a_window_or_by_setting() -> None:
    values = ramp()
    plain = dicom_bytes(values, bits=12, Modality="MR")
    windowed = dicom_bytes(values, bits=12, Modality="MR", WindowCenter=100, WindowWidth=50)
    full = Reading(levels="used", alpha="auto", window="full")
    assert (grey(plain) == values >> 4).all()
    assert (grey(windowed, full) == values >> 4).all()
    stored = decode(plain, USED).stored
    assert stored is not None
    assert (stored.kind, stored.window) == ("12-bit-dicom", "")


def test_own_window_replaces_that_of_the_file_but_not_of_8_bits() -> None:
    own = Reading(levels="used", alpha="auto", window="100:200")
    values = np.array([[0, 50, 100, 200, 300]], np.uint16)
    assert grey(dicom_bytes(values, Modality="MR", WindowCenter=7, WindowWidth=7), own)[0].tolist() == [
        0,
        64,
        128,
        255,
        255,
    ]
    eight = np.array([[0, 50, 100, 200]], np.uint8)
    assert (grey(dicom_bytes(eight, Modality="US"), own) == eight).all()


@pytest.mark.parametrize("text", ["", "40", "40:0", "40:-1", "a:b", "stored:full", "nan:1"])
def test_window_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="window must be stored, full, or centre and width"):
        DataSettings(window=text)


def test_older_projects_read_the_declared_range() -> None:
    declared = Reading()
    values = np.array([[0, 2048, 4095]], np.uint16)
    assert grey(dicom_bytes(values, bits=12, Modality="MR"), declared)[0].tolist() == [0, 128, 255]
    ct = dicom_bytes(values, bits=12, RescaleSlope=1, RescaleIntercept=-1024)
    assert grey(ct, declared)[0].tolist() == [0, 128, 255]


def test_monochrome1_is_inverted() -> None:
    values = np.array([[0, 100, 255]], np.uint8)
    assert grey(dicom_bytes(values, photometric="MONOCHROME1", Modality="CR"))[0].tolist() == [255, 155, 0]
    deep = np.array([[0, 2048, 4095]], np.uint16)
    options: dict[str, Any] = {
        "WindowCenter": 2048,
        "WindowWidth": 4096,
        "VOILUTFunction": "LINEAR_EXACT",
        "Modality": "CR",
    }
    straight = grey(dicom_bytes(deep, bits=12, **options))
    assert (grey(dicom_bytes(deep, bits=12, photometric="MONOCHROME1", **options)) == 255 - straight).all()
    assert grey(dicom_bytes(deep, bits=12, photometric="MONOCHROME1", Modality="CR"))[0].tolist() == [255, 127, 0]


def test_signed_values() -> None:
    values = np.array([[-2000, -1000, 0, 1000]], np.int16)
    data = dicom_bytes(values, WindowCenter=-500, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT", Modality="MR")
    assert grey(data)[0].tolist() == [0, 0, 255, 255]
    stored = decode(dicom_bytes(values, Modality="MR"), USED).stored
    assert stored is not None
    assert (stored.kind, stored.low, stored.high) == ("signed-16-bit-dicom", -2000.0, 1000.0)


def test_padding_becomes_black_and_does_not_widen_the_range() -> None:
    values = np.array([[-2000, -100, 0, 100]], np.int16)
    found = decode(dicom_bytes(values, PixelPaddingValue=-2000, Modality="CT"), USED)
    assert found.stored is not None
    assert (found.stored.low, found.stored.high) == (-100.0, 100.0)
    options: dict[str, Any] = {"PixelPaddingValue": 9, "WindowCenter": 50, "WindowWidth": 100, "Modality": "CR"}
    inverted = dicom_bytes(np.array([[9, 0, 100]], np.uint16), photometric="MONOCHROME1", **options)
    assert grey(inverted)[0].tolist() == [0, 255, 0]


def test_rescaled_values_of_equal_meaning_are_one_file_kind() -> None:
    one = dicom_bytes(ramp(), bits=12, RescaleSlope=1, RescaleIntercept=-1024)
    other = dicom_bytes(ramp().astype(np.int16), RescaleSlope=1, RescaleIntercept=0)
    dose = dicom_bytes(ramp(), RescaleSlope="0.37", RescaleIntercept=0, Modality="PT")
    kinds = []
    for data in (one, other, dose):
        stored = decode(data, USED).stored
        assert stored is not None
        kinds.append(stored.kind)
    assert kinds == ["ct-dicom", "ct-dicom", "float-pt-dicom"]


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG, DEFLATED])
def test_transfer_syntaxes_without_compression_of_pixels(syntax: str) -> None:
    assert (grey(dicom_bytes(ramp(), bits=12, syntax=syntax, Modality="MR")) == ramp() >> 4).all()


def test_file_without_preamble() -> None:
    assert (grey(dicom_bytes(ramp(), bits=12, preamble=False, Modality="MR")) == ramp() >> 4).all()


def test_file_without_preamble_and_meta_information() -> None:
    whole = pydicom.dcmread(io.BytesIO(dicom_bytes(ramp(), bits=12, Modality="MR")))
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, pydicom.dataset.Dataset(whole), implicit_vr=True, little_endian=True)
    assert stream.getvalue()[:2] == b"\x08\0"
    assert (grey(stream.getvalue()) == ramp() >> 4).all()


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16])
def test_lossless_compression_gives_the_values_back(syntax: str, kind: type) -> None:
    values = (np.random.default_rng(0).integers(0, 2**11, (40, 33)) - 500 * (kind is np.int16)).astype(kind)
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(values, Modality="MR")))
    dataset.compress(syntax)
    assert (frame_values(parse(written(dataset)), 0) == values).all()


def test_run_lengths_of_colours_and_frames() -> None:
    values = np.random.default_rng(0).integers(0, 2, (3, 20, 31, 3), dtype=np.uint8) * 255
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(values, photometric="RGB", frames=3)))
    dataset.compress(RLELossless)
    data = written(dataset)
    assert n_frames(data) == 3
    for frame in range(3):
        assert (decode_page(data, frame + 1, USED).rgb == values[frame]).all()


def test_lossless_jpeg_gives_the_values_back() -> None:
    values = np.random.default_rng(0).integers(0, 2**16, (15, 21), dtype=np.uint16)
    data = compressed(
        [lossless_jpeg(values)], LOSSLESS, Rows=15, Columns=21, BitsAllocated=16, BitsStored=16, HighBit=15
    )
    assert (frame_values(parse(data), 0) == values).all()


def test_baseline_jpeg_is_read_as_other_jpeg_files_are() -> None:
    rgb = np.asarray(Image.effect_mandelbrot((64, 48), (-2, -1, 1, 1), 60).convert("RGB"))
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=95)
    data = compressed(
        [stream.getvalue()], BASELINE, Rows=48, Columns=64, SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422",
        PlanarConfiguration=0,
    )  # fmt: skip
    # The colours are converted by pydicom instead of libjpeg, which rounds differently.
    difference = read_rgb(data, USED).astype(int) - read_rgb(stream.getvalue(), USED)
    assert np.abs(difference).max() <= 3


def test_colours_and_planes() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert (read_rgb(dicom_bytes(rgb, photometric="RGB"), USED) == rgb).all()
    by_plane = dicom_bytes(
        rgb, photometric="RGB", PlanarConfiguration=1, PixelData=np.moveaxis(rgb, 2, 0).tobytes() + b"\0"
    )
    assert (read_rgb(by_plane, USED) == rgb).all()
    ybr = pydicom.pixels.convert_color_space(rgb, "RGB", "YBR_FULL")
    assert np.abs(read_rgb(dicom_bytes(ybr, photometric="YBR_FULL"), USED).astype(int) - rgb).max() <= 3
    deep = (rgb.astype(np.uint16) << 8) | 255
    stored = decode(dicom_bytes(deep, photometric="RGB"), USED).stored
    assert stored is not None
    assert stored.kind == "16-bit-rgb-dicom"
    ranged = Reading(levels="used", ranges={"16-bit-rgb-dicom": (0.0, 65535.0)})
    assert (read_rgb(dicom_bytes(deep, photometric="RGB"), ranged) == rgb).all()


def test_palette() -> None:
    palette = {
        f"{name}PaletteColorLookupTable{part}": value
        for name, entries in (("Red", [0, 255]), ("Green", [10, 20]), ("Blue", [99, 0]))
        for part, value in (("Descriptor", [2, 0, 8]), ("Data", bytes(entries)))
    }
    data = dicom_bytes(np.array([[0, 1]], np.uint8), photometric="PALETTE COLOR", **palette)
    assert read_rgb(data, USED)[0].tolist() == [[0, 10, 99], [255, 20, 0]]


def test_frames_are_pages(tmp_path: Path) -> None:
    values = np.arange(4 * 6, dtype=np.uint8).reshape(4, 2, 3) * 10
    data = dicom_bytes(values, frames=4, Modality="US")
    file = tmp_path / "IM0001"
    file.write_bytes(data)
    assert pages_of(file) == 4
    assert (grey(data) == values[0]).all()
    assert (grey(data, Reading(pages="3")) == values[2]).all()
    assert (grey(data, Reading(pages="max")) == values.max(axis=0)).all()
    stored = decode(data, USED).stored
    assert stored is not None
    assert stored.n_pages == 4
    with pytest.raises(ImageError, match="It has 4 pages; page 5 was requested"):
        read_rgb(data, Reading(pages="5"))


def test_enhanced_file_has_windows_and_rescaling_for_each_frame() -> None:
    values = np.full((2, 2, 2), 1000, np.uint16)
    frames = [
        item(FrameVOILUTSequence=[item(WindowCenter=centre, WindowWidth=100, VOILUTFunction="LINEAR_EXACT")])
        for centre in (0, 50)
    ]
    shared = item(PixelValueTransformationSequence=[item(RescaleSlope=1, RescaleIntercept=-1000)])
    data = dicom_bytes(
        values, frames=2, SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=frames
    )
    assert grey(data, Reading(pages="1"))[0, 0] == 128
    assert grey(data, Reading(pages="2"))[0, 0] == 0


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm",
     "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm", "JPEGLSNearLossless_16.dcm", "JPGExtended.dcm",
     "693_J2KI.dcm", "examples_overlay.dcm", "SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_rle_32bit.dcm",
     "SC_rgb_dcmtk_+eb+cy+s4.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_ybr_full_422_uncompressed.dcm", "image_dfl.dcm"],
)  # fmt: skip
def test_values_are_those_of_pydicom(name: str) -> None:
    path = get_testdata_file(name, download=False)
    assert path, "a file of pydicom is missing"
    dataset = pydicom.dcmread(path)
    expected = dataset.pixel_array
    if dataset.get("NumberOfFrames", 1) > 1:
        expected = expected[0]
    assert (frame_values(parse(Path(path).read_bytes()), 0) == expected).all()
