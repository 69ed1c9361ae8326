"""What the engine chooses by where nothing was said: what this machine has the weights for."""

import pytest

from coreset_studio.core.errors import MissingWeightsError
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.pipeline import facts
from coreset_studio.core.pipeline.whole import demo_settings
from coreset_studio.core.settings import own_settings
from coreset_studio.core.training.architectures import NETWORKS


def test_with_weights_an_extractor_that_follows_from_another_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "weights_state", lambda name: ("verified", ""))
    names = facts.recommended_extractors()
    assert set(names) == {"colour-texture", "vgg16", "vgg16-avg"}
    derived = {name: EXTRACTORS[name].derived_from for name in names if EXTRACTORS[name].derived_from}
    assert derived == {"vgg16-avg": "vgg16"}
    assert all(names.index(source) < names.index(name) for name, source in derived.items())


def test_without_weights_it_is_what_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise MissingWeightsError(f"no weights of {name}")

    monkeypatch.setattr(facts, "find_weights", nowhere)
    assert facts.recommended_extractors() == ("colour-texture",)
    assert facts.recommended_but_missing() == ("vgg16",)


@pytest.mark.parametrize("there", [True, False])
def test_the_demo_trains_on_a_backbone_whose_weights_the_features_use(
    monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(facts, "weights_state", lambda name: ("verified" if there else "missing", ""))
    settings = demo_settings()
    assert own_settings(settings.training, NETWORKS["transfer"]).backbone == "vgg16"
    networks = settings.comparison.networks
    assert networks[: 3 if there else 2] == (("custom", "transfer", "head") if there else ("custom", "head"))
    assert ("transfer" in networks) is there
    assert settings.features.extractors == (("vgg16", "vgg16-avg", "colour-texture") if there else ("colour-texture",))
