import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_studio.core.output.names import (
    MAX_BYTES,
    MAX_PATH,
    PrivateNames,
    free_name,
    safe_name,
    safe_names,
    safe_path,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("eosinophil", "eosinophil"),
        ("CON", "CON_"),
        ("con.txt", "con_.txt"),
        ("Lpt1", "Lpt1_"),
        ("com¹", "com¹_"),
        ("console", "console"),
        ("grade 3.", "grade 3_"),
        ("..", "__"),
        (" lead", "_lead"),
        (".hidden", "_hidden"),
        ("a/b:c*d", "a_b_c_d"),
        ("tab\there", "tab_here"),
        ("", "_"),
        ("Größe", "Größe"),
        ("Gro\u0308ße", "Größe"),
    ],
)
def test_a_safe_name(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_long_names_are_cut_and_stay_different() -> None:
    names = ["ä" * 300 + tail for tail in ("x.jpeg", "y.jpeg")]
    short = [safe_name(name) for name in names]
    assert all(len(name.encode()) <= MAX_BYTES and name.endswith(".jpeg") for name in short)
    assert short[0] != short[1]


def test_case_and_unicode_form_never_make_two_names_one() -> None:
    names = ["Blast", "blast", "BLAST", "cafe\u0301", "café", "a:", "a?", "a_"]
    safe = safe_names(names)
    assert safe["a_"] == "a_"
    assert len({each.casefold() for each in safe.values()}) == len(names)
    assert safe_names(reversed(names)) == safe


def test_taken_names_are_left_alone() -> None:
    assert safe_names(["coreset.csv"], taken=["coreset.csv"]) == {"coreset.csv": "coreset-2.csv"}


def test_free_name_counts_before_the_suffix() -> None:
    used: set[str] = set()
    assert [free_name(name, used) for name in ("a/X.png", "A/x.png", "a/x.PNG")] == [
        "a/X.png",
        "A/x-2.png",
        "a/x-3.PNG",
    ]


def test_a_deep_path_keeps_its_file_name() -> None:
    path = safe_path(["sub" * 20, "..", "deep" * 20, "other" * 15, "image.png"])
    assert path.endswith("/image.png")
    assert len(path) <= MAX_PATH


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=150), max_size=8, unique=True))
def test_any_names_at_all_become_safe_and_different(names: list[str]) -> None:
    safe = list(safe_names(names).values())
    assert len({each.casefold() for each in safe}) == len(names)
    for each in safe:
        assert 0 < len(each.encode()) <= MAX_BYTES + 4
        assert each.strip(". ") == each
        assert not set(each) & set('<>:"/\\|?*\0')
        assert each.partition(".")[0].rstrip().casefold() not in ("con", "prn", "aux", "nul", "com1", "lpt9")


def test_private_names_hide_the_name_and_differ_between_exports() -> None:
    path = "ward 3/Smith John.JPG"
    one, other = PrivateNames(), PrivateNames()
    assert one.name(path) == one.name(path) != other.name(path)
    assert one.name(path).endswith(".jpg")
    assert "smith" not in one.name(path).lower()
    assert len(one.name("x.smithjohnson")) == 16
    assert len({one.name(f"{n}.png") for n in range(1000)}) == 1000


def test_scrub_takes_known_names_out_of_a_sentence() -> None:
    paths = ["eos/Smith John 1.png", "eos/sub/Smith John 1.png", "neu/doe"]
    names = PrivateNames(paths, key=b"k")
    for before, after in itertools.product(("", "The image '", "("), ("", "'.", ", which is a copy of neu/doe.")):
        for path in paths:
            scrubbed = names.scrub(f"{before}{path}{after}")
            assert "Smith" not in scrubbed
            assert "doe" not in scrubbed
            assert names.name(path) in scrubbed
    assert names.scrub("Smith John 1.png is broken") == f"{names.name(paths[1])} is broken"
    assert names.scrub("nothing to hide") == "nothing to hide"
