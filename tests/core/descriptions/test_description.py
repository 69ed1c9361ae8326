"""What follows from the facts of a description."""

import pytest

from coreset_studio.core.descriptions import Description, inside_sentence


@pytest.mark.parametrize(
    ("title", "inside"),
    [
        ("Linear probe", "linear probe"),
        ("Worst-class recall", "worst-class recall"),
        ("A share of each class", "a share of each class"),
        ("F1", "F1"),
        ("VGG16 with a head", "VGG16 with a head"),
        ("EfficientNet", "EfficientNet"),
        ("K-Medoids", "K-Medoids"),
        ("", ""),
    ],
)
def test_a_title_loses_its_capital_inside_a_sentence_unless_it_is_an_abbreviation(title: str, inside: str) -> None:
    assert inside_sentence(title) == inside


def test_a_proper_name_keeps_its_capital() -> None:
    assert Description(name="x", title="Nyström features", tip="", does="").title_inside == "nyström features"
    assert Description(name="x", title="Nyström features", tip="", does="", is_proper=True).title_inside[0] == "N"
