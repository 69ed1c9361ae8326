"""MXNet lists: what is read of them, what is left out, and a scan and an export by the command line."""

from pathlib import Path

import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.errors import DatasetError


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of the demo's images that can be read, and one line that is none."""
    make_demo(tmp_path / "cells", 60, side=48)
    dataset = scan(tmp_path / "cells", cache_folder=tmp_path / "cache")
    lines = [
        f"{number}\t{dataset.classes.index(image.class_name)}.000000\t{image.path}"
        for number, image in enumerate(dataset.images)
    ]
    file = tmp_path / "cells" / "images.lst"
    file.write_text("\n".join([*lines, "60\t1\t2\tof two labels.png"]), encoding="utf-8")
    return file


def test_a_line_is_an_image(listed: Path, tmp_path: Path) -> None:
    folder = scan(listed.parent, cache_folder=tmp_path / "cache")
    dataset = scan(listed, cache_folder=tmp_path / "cache")
    assert dataset.kind == "lst"
    assert [image.pixels for image in dataset.images] == [image.pixels for image in folder.images]
    assert list(dataset.classes) == [str(number) for number in range(len(folder.classes))]
    assert [skipped.path for skipped in dataset.skipped] == ["line 61"]


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.lst").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(DatasetError, match="cannot be read as text"):
        scan(tmp_path / "bytes.lst", cache_folder=tmp_path / "cache")


def test_the_command_line_scans_and_exports_it(
    listed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", str(listed)]) == 0
    said = capsys.readouterr().out
    assert "60 images in " in said
    assert ", lst, " in said
    assert "line 61: It is not number, label and path" in said
    out = tmp_path / "coreset"
    words = ["--sampler", "stratified", "--extractor", "colour-texture", "--fraction", "0.2"]
    assert main(["export", str(listed), *words, "--out", str(out)]) == 0
    assert main(["verify", str(out)]) == 0
    assert "an MXNet list" in SOURCES.alternatives()
    assert "*.lst" in SOURCES.file_filter()
