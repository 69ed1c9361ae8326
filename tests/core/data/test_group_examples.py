"""Patterns of groups that are made from one example: what is marked in one path is found in all."""

import re

import pytest

from coreset_studio.core.data.group_examples import pattern_from_example
from coreset_studio.core.data.units import preview_groups

# Name: the paths, what is marked in the first of them, and the group that is to be found in each.
SHAPES: dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]] = {
    "patient, slide, image": (
        ("ill/P012_slide3_img44.png", "ill/P013_slide1_img4.png", "well/P7_slide3_img1.png"),
        "P012", ("P012", "P013", "P7"),
    ),
    "other letters": (
        ("ill/P012_slide3_img44.png", "ill/K13_slide1_img4.png", "well/C7_slide3_img1.png"),
        "P012", ("P012", "K13", "C7"),
    ),
    "patient and slide": (
        ("ill/P012_slide3_img44.png", "ill/P013_slide1_img4.png"), "P012_slide3", ("P012_slide3", "P013_slide1"),
    ),
    "the slide": (
        ("ill/P012_slide3_img44.png", "ill/P013_slide1_img4.png"), "slide3", ("slide3", "slide1"),
    ),
    "patient folder, one more below": (
        ("ill/patient-7/scan 3/a.png", "ill/patient-8/scan 1/b.png", "well/patient-12/b.png"),
        "patient-7", ("patient-7", "patient-8", "patient-12"),
    ),
    "number in a folder": (
        ("ill/patient-7/scan 3/a.png", "ill/patient-8/scan 1/b.png", "well/patient-12/b.png"),
        "7", ("7", "8", "12"),
    ),
    "two folders": (
        ("ill/patient-7/scan 3/a.png", "ill/patient-7/scan 1/b.png"),
        "patient-7/scan 3", ("patient-7/scan 3", "patient-7/scan 1"),
    ),
    "TCGA": (
        ("a/TCGA-AB-1234-01A-01.png", "a/TCGA-A1-A0SB-01A-02.png", "b/TCGA-B6-A0X1-11B-02.png"),
        "TCGA-AB-1234", ("TCGA-AB-1234", "TCGA-A1-A0SB", "TCGA-B6-A0X1"),
    ),
    "TCGA, the participant": (
        ("a/TCGA-AB-1234-01A-01.png", "a/TCGA-A1-A0SB-01A-02.png"), "1234", ("1234", "A0SB"),
    ),
    "BIDS": (("a/sub-01_ses-02_T1.png", "a/sub-02_ses-01_T1.png"), "sub-01", ("sub-01", "sub-02")),
    "BIDS, the number": (("a/sub-01_ses-02_T1.png", "a/sub-02_ses-01_T1.png"), "01", ("01", "02")),
    "BIDS, the session": (("a/sub-01_ses-02_T1.png", "a/sub-02_ses-01_T1.png"), "02", ("02", "01")),
    "behind a date": (
        ("a/2021-03-05_K17_b.tif", "a/20210306_K18_a.tif", "b/2021-03-07_P2_b.tif"), "K17", ("K17", "K18", "P2"),
    ),
    "the date": (("a/2021-03-05_K17_b.tif", "a/2021-11-06_K18_a.tif"), "2021-03-05", ("2021-03-05", "2021-11-06")),
    "a name as folder": (("ill/anna/1.png", "ill/berta 2/2.png", "b/anna/3.png"), "anna", ("anna", "berta 2", "anna")),
    "the topmost folder": (("anna/ill/1.png", "berta/ill/2.png", "anna/well/3.png"), "anna", ("anna", "berta", "anna")),
    "no separators": (("a/patient12img3.png", "a/patient7img13.png"), "12", ("12", "7")),
    "letters and digits in turn": (("a/x/A12b3.png", "a/x/C7d13.png"), "A12", ("A12", "C7")),
    "the first of many digits": (("a/0012003.png", "a/0013001.png"), "0012", ("0012", "0013")),
    "the last of many digits": (("a/0012003.png", "a/0013001.png"), "003", ("003", "001")),
    "class of several words before": (
        ("a/mild_dysplasia_P12_3.png", "a/normal_P13_4.png", "a/severe_dysplasia_K3_1.png"),
        "P12", ("P12", "P13", "K3"),
    ),
    "brackets": (("a/IMG (12) left.png", "a/IMG (13) right.png"), "12", ("12", "13")),
    "umlauts": (("a/Müller_1.png", "a/Öz_2.png"), "Müller", ("Müller", "Öz")),
    "the whole name": (("a/12.png", "a/13.png"), "12", ("12", "13")),
    "no suffix, no folder": (("P12_3", "P13_4"), "P12", ("P12", "P13")),
    "block and number": (("a/B3-17_x_2.png", "a/B4-2_y_1.png"), "B3-17", ("B3-17", "B4-2")),
    "spaces": (("a/case 12 slide 3.png", "a/case 13 slide 1.png"), "12", ("12", "13")),
    "dots": (("a/x.P12.3.png", "a/y.P14.3.png"), "P12", ("P12", "P14")),
    "pages": (("a/s1.tif#page=3", "a/s2.tif#page=1"), "s1", ("s1", "s2")),
    "special letters": (("a/p+1$_x.png", "a/p+2$_y.png"), "p+1$", ("p+1$", "p+2$")),
}  # fmt: skip


@pytest.mark.parametrize("shape", list(SHAPES))
def test_what_is_marked_in_one_path_is_found_in_all(shape: str) -> None:
    paths, marked, expected = SHAPES[shape]
    start = paths[0].rindex(marked)
    pattern = pattern_from_example(paths[0], start, start + len(marked), paths)
    assert preview_groups(paths, pattern) == expected
    assert re.compile(pattern).groups == 1


def test_separators_at_the_ends_of_the_mark_do_not_count() -> None:
    paths = ["a/P1_x.png", "a/P2_y.png"]
    exact = pattern_from_example(paths[0], 2, 4, paths)
    assert pattern_from_example(paths[0], 1, 5, paths) == exact
    assert preview_groups(paths, exact) == ("P1", "P2")
    assert pattern_from_example(paths[0], 4, 5, paths) == ""
    assert pattern_from_example(paths[0], 3, 3, paths) == ""


def test_a_more_general_pattern_has_to_find_more() -> None:
    """One odd name in two hundred does not make a pattern that takes any name for a patient."""
    paths = [*(f"a/P{n}_1.png" for n in range(200)), "a/overview_1.png"]
    assert pattern_from_example(paths[0], 2, 4, paths) == "(?:^|/)(P[0-9]+)(?=_|$)[^/]*$"


def test_any_mark_gives_a_pattern_that_finds_it() -> None:
    path = "ill cells/P-7 (x)/2021.03_a+b$4.ome.tif#page=2"
    for start in range(len(path)):
        for end in range(start + 1, len(path) + 1):
            pattern = pattern_from_example(path, start, end, [path])
            marked = path[start:end].strip(" _.-/")
            assert preview_groups([path], pattern or "x{9}") == (marked if pattern else "",)
