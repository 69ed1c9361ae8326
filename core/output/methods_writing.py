"""Shared parts of a Methods paragraph: the collection of its sentences, and the terms used in them."""

import re
from collections.abc import Iterable
from typing import Any

from coreset_studio.core.descriptions import Description, choices_of, inside_sentence, registry
from coreset_studio.core.output.methods_facts import MethodsFacts
from coreset_studio.core.output.references import cited, short_list
from coreset_studio.core.results import ModelUsed
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.settings import BY_DIFFICULTY, Settings, own_settings, parts_of
from coreset_studio.core.settings.names import MATCHED
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.network import Network

_NEIGHBOURS = "a power of the share of other classes among the 20 nearest neighbours of an image"
RULES = {
    "proportional": "in proportion to the class sizes",
    "equal": "equally",
    "square-root": "in proportion to the square roots of the class sizes",
    "equal-then-square-root": "equally up to 10 images per class, and beyond that in proportion to the square roots of "
    "the class sizes",
    "square-root-difficulty": f"in proportion to the square roots of the class sizes and to {_NEIGHBOURS}",
    "difficulty": f"in proportion to the class sizes and to {_NEIGHBOURS}",
    "by-hand": "by fractions set for each class",
}
_BRACKETS = re.compile(r"\([^()]*\)")


class Writer:
    """Collects the sentences of one paragraph, and the keys of what they cite.

    Attributes
    ----------
    facts : MethodsFacts
    settings : Settings
    sentences, keys : list of str
    """

    def __init__(self, facts: MethodsFacts) -> None:
        self.facts = facts
        self.settings: Settings = facts.read_settings
        self.sentences: list[str] = []
        self.keys: list[str] = []

    def say(self, *parts: str) -> None:
        """Add a sentence, which may come in parts."""
        sentence = "".join(parts)
        self.sentences.append(sentence[0].upper() + sentence[1:])

    def cite(self, *keys: str) -> str:
        """Return the citation of some keys with a space before, and remember them."""
        self.keys += keys
        return cited(keys)

    def inside(self, keys: Iterable[str]) -> list[str]:
        """Return a citation without its brackets as a list of at most one text, and remember its keys."""
        self.keys += keys
        return [words] if (words := short_list(keys)) else []

    def described(self, kind: str, name: str) -> tuple[str, tuple[str, ...], list[str]]:
        """Return what something is called, the keys of what it cites, and its plugin, if it is of one."""
        known = registry(kind)
        plugin = self.facts.plugins.get(f"{kind} {name}")
        of = [f"plugin {plugin}"] if plugin else []
        model = self.model_of(name) if kind == "extractor" else None
        if model is not None:
            return (
                f"{model.title}, a model supplied by the authors",
                (),
                [*([model.source] if model.source else []), *of],
            )
        if name not in known:
            return f"the {kind} {name}", (), of
        found: Description = known[name]
        return found.methods or f"the {kind} {found.title_inside}", found.references, of

    def model_of(self, extractor: str) -> ModelUsed | None:
        """Return the model of the user that an extractor was; None where it was none."""
        return next((each.model for each in self.facts.weights if each.extractor == extractor), None)

    def weight_words(self, extractor: str, network: str = "") -> list[str]:
        """Return which weights an extractor had, for selection or in a network, as a list of at most one text."""
        for each in self.facts.weights:
            if (each.extractor, each.network) == (extractor, network):
                if each.state == "untrained":
                    return ["with random weights"]
                if each.model is not None:
                    return [f"ONNX file with SHA-256 {each.sha256}, not verified; images: {each.model.preparation}"]
                if each.state == "file":
                    return [f"SHA-256 of the file {each.sha256}, not checked by the program"]
                if each.sha256 and each.state != "none":
                    unverified = ", not a known set" if each.state == "unverified" else ""
                    return [f"weights SHA-256 {each.sha256}{unverified}"]
        return []

    def sampler_words(self, name: str) -> tuple[str, bool]:
        """Return what selected, with its own settings and what it cites, and whether its draws are seeded."""
        if name.startswith(MATCHED) or name == "matched-random":
            like = f" as {sampler_title(name.removeprefix(MATCHED))}" if name.startswith(MATCHED) else ""
            return f"random sampling within each class, with the same class budgets{like}", True
        words, keys, plugin = self.described("sampler", name)
        sampler = SAMPLERS.get(name)
        own = own_settings(self.settings.selection, sampler) if sampler is not None else None
        values = []
        for field, facts in choices_of(own) if own is not None else ():
            values.append(f"{inside_sentence(facts.title)}: {_value_words(getattr(own, field))}")
        return f"{words}{bracketed([*self.inside(keys), *values, *plugin])}", sampler is None or sampler.uses_seed

    def rule_words(self, rule: str) -> str:
        """Return how a rule divides images among the classes."""
        beta = f" (exponent {self.settings.selection.beta:g})" if rule in BY_DIFFICULTY else ""
        return f"{RULES.get(rule, f'by the rule {rule}')}{beta}"

    # --- what was used ----------------------------------------------------------------------------------------

    @property
    def samplers(self) -> list[str]:
        """Names of the samplers that selected, those whose budgets were matched included."""
        facts = self.facts
        names = [facts.coreset.sampler] if facts.coreset is not None else []
        names += facts.training.samplers if facts.training is not None else ()
        return list(dict.fromkeys(name.removeprefix(MATCHED) for name in names))

    @property
    def networks(self) -> list[Network]:
        """Networks that were trained and are known here."""
        names = list(self.facts.training.networks) if self.facts.training is not None else []
        names += [self.facts.search.network] if self.facts.search is not None else []
        return [NETWORKS[name] for name in names if name in NETWORKS]

    @property
    def by_recipe(self) -> list[Network]:
        """Networks that were trained as the training settings say: by epochs, and not a plugin's."""
        return [network for network in self.networks if network.by_epochs and network.name not in NETWORKS.plugins]

    @property
    def is_taught(self) -> bool:
        """Whether a network was trained with soft labels."""
        return bool(self.by_recipe) and bool(parts_of(self.settings.training).soft_labels)


def sampler_title(name: str) -> str:
    """Return the title of a sampler inside a sentence; its name if it is not known."""
    return SAMPLERS[name].title_inside if name in SAMPLERS else name


def bracketed(parts: Iterable[str]) -> str:
    """Return parts in brackets with a space before; empty without any."""
    words = "; ".join(parts)
    return f" ({words})" if words else ""


def counted(n: int, one: str, several: str = "") -> str:
    """Return a number with its noun, such as ``"2 classes"``."""
    return f"{n:,} {one if n == 1 else several or f'{one}s'}"


def were(n: int) -> str:
    """Return ``"was"`` for one, else ``"were"``."""
    return "was" if n == 1 else "were"


def listed(words: Iterable[str]) -> str:
    """Return words with commas, or semicolons if a word has one outside of brackets, and an “and” before the last."""
    found = list(words)
    if len(found) < 2:
        return "".join(found)
    if any("," in _BRACKETS.sub("", word) for word in found):
        return f"{'; '.join(found[:-1])}; and {found[-1]}"
    return f"{', '.join(found[:-1])} and {found[-1]}"


def _value_words(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
