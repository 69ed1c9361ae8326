"""What the engine chooses by where nothing was said: what this machine has the weights for."""

import pytest

from core.errors import MissingWeightsError
from core.features.extractors import EXTRACTORS
from core.pipeline import facts


def test_with_weights_an_extractor_that_follows_from_another_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "weights_state", lambda name: ("verified", ""))
    names = facts.recommended_extractors()
    assert set(names) == {"colour-texture", "vgg16", "vgg16-avg"}
    derived = EXTRACTORS["vgg16-avg"].derived
    assert derived is not None
    assert names.index(derived.extractor) < names.index("vgg16-avg")


def test_without_weights_it_is_what_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise MissingWeightsError(f"no weights of {name}")

    monkeypatch.setattr(facts, "find_weights", nowhere)
    assert facts.recommended_extractors() == ("colour-texture",)
