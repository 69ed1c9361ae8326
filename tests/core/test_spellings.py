"""Names with accents are found in either form of Unicode, and never where two files could be meant."""

import unicodedata
from pathlib import Path

import pytest

from coreset_studio.core.spellings import SpellingsOnDisk, by_composed, composed

NFC, NFD = (unicodedata.normalize(form, "Größe/zähl ö.png") for form in ("NFC", "NFD"))


def test_equal_names_are_one_text() -> None:
    assert len(NFD) == len(NFC) + 3
    assert composed(NFD) == composed(NFC) == NFC
    assert composed("plain.png") == "plain.png"


def test_names_of_which_there_are_two_are_left_out() -> None:
    assert by_composed([NFD, "a.png"]) == {NFC: NFD, "a.png": "a.png"}
    assert by_composed([NFD, NFC, "a.png", "a.png"]) == {"a.png": "a.png"}


@pytest.mark.parametrize(("there", "asked"), [(NFD, NFC), (NFC, NFD)])
def test_folders_and_files_are_found(there: str, asked: str, tmp_path: Path) -> None:
    (tmp_path / there).parent.mkdir()
    (tmp_path / there).touch()
    assert Path(SpellingsOnDisk().find(str(tmp_path / asked))).samefile(tmp_path / there)
    assert SpellingsOnDisk().find(str(tmp_path / "other é.png")) == ""
    assert SpellingsOnDisk().find(str(tmp_path / "no folder é" / "other é.png")) == ""
