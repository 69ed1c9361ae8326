"""Which class of another dataset is which class of a network."""

import pytest

from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.class_matching import match_classes, parse_match

OURS = ("Basophil", "immature granulocyte", "platelet")


def test_equal_names_need_no_question() -> None:
    found = match_classes(OURS, OURS)
    assert found.is_certain
    assert found.matched == {name: name for name in OURS}
    assert found.notes() == []


@pytest.mark.parametrize("theirs", ["immature_granulocyte", "Immature  Granulocyte", "IMMATURE-GRANULOCYTE"])
def test_other_spellings_are_matched_and_told(theirs: str) -> None:
    found = match_classes((theirs,), OURS)
    assert found.matched == found.assumed == {theirs: "immature granulocyte"}
    assert not found.is_certain
    assert found.notes() == [
        f"Classes that are spelt differently were matched: {theirs} = {OURS[1]}. To change this, use --match.",
        "There are no images of these classes of the network: Basophil, platelet.",
    ]


def test_two_spellings_of_one_class_are_a_question() -> None:
    found = match_classes(("basophil", "BASOPHIL", "platelet"), OURS)
    assert found.matched == {"platelet": "platelet"}
    assert found.unmatched == ("basophil", "BASOPHIL")
    found = match_classes(("baso phil", "platelet"), ("Basophil", "BASOPHIL", "platelet"))
    assert found.unmatched == ("baso phil",)


def test_what_is_said_goes_first_and_may_join_or_leave_out() -> None:
    matches = parse_match(["band=Basophil", "seg = Basophil", "platelet="])
    found = match_classes(("band", "platelet", "seg"), OURS, matches)
    assert found.matched == {"band": "Basophil", "seg": "Basophil"}
    assert found.unmatched == ("platelet",)
    assert found.missing == ("immature granulocyte", "platelet")
    assert found.assumed == {}


def test_wrong_names_are_a_sentence() -> None:
    with pytest.raises(ExportError, match=r"names 'x', which is not a class of the dataset; it has a, b\."):
        match_classes(("a", "b"), OURS, {"x": "platelet"})
    with pytest.raises(ExportError, match="names 'x', which is not a class of the network; it has Basophil, immature"):
        match_classes(("a", "b"), OURS, {"a": "x"})
    with pytest.raises(ExportError, match=r"None of the classes of the dataset \(a, b\) is a class of the network"):
        match_classes(("a", "b"), OURS)


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["Baso"], "--match is 'Baso'; expected a class of the dataset and one of the network"),
        (["=x"], "--match is '=x'; expected"),
        (["a=b", "a=c"], "--match has the class 'a' twice"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(texts: list[str], why: str) -> None:
    with pytest.raises(ExportError, match=why):
        parse_match(texts)
