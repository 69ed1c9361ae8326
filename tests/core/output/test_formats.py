"""The export formats: their facts, what cannot be made in them, and a plugin's format that no other file knows."""

import json
import re
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.images import read_bytes, read_image, read_rgb
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.description import ExportFormat
from coreset_studio.core.output.export import export_coreset
from coreset_studio.core.output.formats import EXPORT_FORMATS
from coreset_studio.core.output.verification import verify
from coreset_studio.core.resources import resource_folder
from coreset_studio.core.settings import ExportSettings

HEAVY = ("numpy", "PIL", "cv2", "scipy", "sklearn", "tensorflow", "keras", "matplotlib", "PySide6")


def settings_of(name: str, **others: bool) -> ExportSettings:
    return ExportSettings(files=name, **others)  # type: ignore[arg-type]


# --- facts ----------------------------------------------------------------------------------------------------


def test_the_names_stay_those_of_stored_settings() -> None:
    assert list(EXPORT_FORMATS)[:4] == ["copy", "hardlink", "symlink", "list"]


def test_descriptions_import_no_library() -> None:
    code = (
        "import sys; from coreset_studio.core.output.formats import EXPORT_FORMATS; "
        "EXPORT_FORMATS.refusal('symlink', private=True); "
        f"print(len(EXPORT_FORMATS), *(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(EXPORT_FORMATS))]


@pytest.mark.parametrize("described", EXPORT_FORMATS.values(), ids=list(EXPORT_FORMATS))
def test_every_format_has_its_facts_and_a_help_page(described: ExportFormat) -> None:
    assert described.title
    assert described.tip
    package, _, file = described.help.partition(":")
    assert (package, file) == ("coreset_studio.resources", f"help/exports/{described.name}.html")
    page = (resource_folder() / file).read_text(encoding="utf-8")
    assert page.startswith(f"<h1>{described.title}</h1>\n")
    for wanted in ("Example", "What is written", "What is rejected"):
        assert f"<h2>{wanted}</h2>" in page
    assert f"--files {described.name} " in page
    assert ("A private export" in page.partition("What is rejected")[2]) == bool(described.not_private)


# --- what cannot be made --------------------------------------------------------------------------------------


def test_what_is_refused_names_what_to_choose() -> None:
    assert EXPORT_FORMATS.refusal("hardlink", private=False) == ""
    assert EXPORT_FORMATS.refusal("copy", private=True) == ""
    for name in ("hardlink", "symlink"):
        said, _, others = EXPORT_FORMATS.refusal(name, private=True).partition(" Use ")
        assert said.endswith("they lead back to the files.")
        offered = set(re.split(", | or ", others.rstrip(".")))
        assert offered >= {"copy", "list"}
        assert not offered & {"hardlink", "symlink"}
        titles = EXPORT_FORMATS.refusal(name, private=True, titles=True).partition(" Use ")[2]
        assert titles.startswith("Copy the files")
        assert "Lists only" in titles


def test_a_format_of_a_missing_plugin_is_one_sentence(case: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no export format named 'tarred'; choose from copy, .*install that\.$"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", settings_of("tarred"))
    assert not (tmp_path / "out").exists()


# --- a format of a plugin -------------------------------------------------------------------------------------


def test_a_plugin_writes_the_planned_images(case: Any, tmp_path: Path, install_plugin_module: Any) -> None:
    install_plugin_module("export format", "tarred")
    target = tmp_path / "out"
    result = export_coreset(case.dataset, case.split, case.coreset, target, settings_of("tarred", with_split=True))
    n_images = len(case.coreset.indices) + len(case.split.validation) + len(case.split.test)
    assert (result.files_as, result.n_files, result.notes) == ("tarred", n_images, ("Written as tar archives.",))
    assert {each.name for each in target.iterdir()} == {
        "coreset.tar", "validation.tar", "test.tar", "coreset.csv", "coreset.json",
    }  # fmt: skip
    with tarfile.open(target / "coreset.tar") as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    chosen = [case.dataset.images[index].path for index in case.coreset.indices]
    assert found == {f"train/{path}": (case.dataset.root / path).read_bytes() for path in chosen}
    manifest = json.loads((target / "coreset.json").read_text())
    assert (manifest["files_as"], manifest["settings"]["export"]["files"]) == ("tarred", "tarred")
    assert result.n_bytes == sum(each["bytes"] for each in manifest["files"] if each["set"])


def test_an_export_of_a_plugin_is_checked_again(case: Any, tmp_path: Path, install_plugin_module: Any) -> None:
    install_plugin_module("export format", "tarred")
    target = tmp_path / "out"
    export_coreset(case.dataset, case.split, case.coreset, target, settings_of("tarred"))
    assert verify(target).ok
    (target / "coreset.tar").write_bytes(b"other")
    assert verify(target).differing == ("coreset.tar",)


def test_a_private_export_of_a_plugin_tells_no_name(make_case: Any, tmp_path: Path, install_plugin_module: Any) -> None:
    install_plugin_module("export format", "tarred")
    case = make_case({f"a/Smith_{n}.jpg": "a" for n in range(6)})
    file = case.dataset.root / "a/Smith_0.jpg"
    exif = Pillow.Exif()
    exif[0x010E] = "Smith John"
    with Pillow.open(file) as opened:
        opened.save(file, exif=exif)
    dataset = scan(case.dataset.root, cache_folder=tmp_path / "cache")
    coreset = replace(case.coreset, indices=np.array([0]), ranks=np.array([0]), reasons=("",))
    export_coreset(dataset, case.split, coreset, tmp_path / "out", settings_of("tarred", private=True))
    with tarfile.open(tmp_path / "out" / "coreset.tar") as archive:
        ((name, content),) = [(each.name, archive.extractfile(each).read()) for each in archive]  # type: ignore[union-attr]
    assert "Smith" not in name + (tmp_path / "out" / "coreset.json").read_text()
    assert b"Smith" in file.read_bytes()
    assert b"Smith" not in content
    assert np.array_equal(read_rgb(content), read_image(dataset, 0))


def test_an_image_that_changed_stops_a_plugin_and_leaves_nothing(
    case: Any, tmp_path: Path, install_plugin_module: Any
) -> None:
    install_plugin_module("export format", "tarred")
    file = case.dataset.root / case.dataset.images[case.coreset.indices[-1]].path
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(ExportError, match="has changed since it was scanned"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", settings_of("tarred"))
    file.unlink()
    with pytest.raises(ExportError, match="is no longer in"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", settings_of("tarred"))
    assert [each.name for each in tmp_path.iterdir()] == ["cells"]


# --- a source of a plugin -------------------------------------------------------------------------------------


@pytest.fixture
def on_a_shelf(case: Any, tmp_path: Path, install_plugin_module: Any) -> tuple[ModuleType, Any]:
    """The images of `case` in a file that a plugin reads: it has whole image files, but none to link to."""
    module = install_plugin_module("source", "shelf")
    images = {
        image.path.replace("/", "-"): (image.class_name, (case.dataset.root / image.path).read_bytes())
        for image in case.dataset.images
    }
    file = module.write_shelf(tmp_path / "things.shelf", images)
    dataset = scan(file, cache_folder=tmp_path / "cache")
    assert [image.file for image in dataset.images] == [image.file for image in case.dataset.images]
    return module, replace(case, dataset=dataset)


@pytest.mark.parametrize("name", ["copy", "hardlink", "symlink"])
def test_images_of_a_plugin_are_written_as_they_are(
    on_a_shelf: tuple[ModuleType, Any], tmp_path: Path, name: str
) -> None:
    _, case = on_a_shelf
    target = tmp_path / "out"
    result = export_coreset(case.dataset, case.split, case.coreset, target, settings_of(name))
    told = ("The images are from a shelf and were copied, because there are no files to link to.",)
    assert (result.files_as, result.notes) == ("copy", () if name == "copy" else told)
    for index in case.coreset.indices:
        image = case.dataset.images[index]
        assert (target / image.class_name / image.path).read_bytes() == read_bytes(case.dataset, index)
    assert verify(target).ok


def test_a_plugin_whose_image_is_gone_leaves_nothing(on_a_shelf: tuple[ModuleType, Any], tmp_path: Path) -> None:
    module, case = on_a_shelf
    module.write_shelf(case.dataset.source, {})
    with pytest.raises(ExportError, match=r"can no longer be read: It is not on the shelf\. Scan the dataset again"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", settings_of("copy"))
    assert not (tmp_path / "out").exists()


def test_the_file_that_holds_the_images_is_never_replaced(on_a_shelf: tuple[ModuleType, Any], tmp_path: Path) -> None:
    """An export that somebody put the file into looks as if it could be overwritten."""
    _, case = on_a_shelf
    target = tmp_path / "out"
    export_coreset(case.dataset, case.split, case.coreset, target, settings_of("list"))
    inside = case.dataset.source.rename(target / "things.shelf")
    dataset = replace(case.dataset, root=inside, source=inside)
    with pytest.raises(ExportError, match="contains the dataset itself"):
        export_coreset(dataset, case.split, case.coreset, target, settings_of("list"), overwrite=True)
    assert inside.exists()
