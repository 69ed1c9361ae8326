"""The documentation of settings: whole, up to date, and the same whatever descriptions are added."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from coreset_studio.core.descriptions import Cost, SettingsPart, choice, choices_of
from coreset_studio.core.reference import (
    N_IMAGES,
    NOT_MEASURED,
    class_sizes,
    seconds_words,
    settings_html,
    settings_markdown,
)
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.settings import Settings

FILE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


@dataclass(frozen=True, kw_only=True)
class Spaced(SettingsPart):
    """Settings of a sampler that is added."""

    start: int = choice(0, neutral=0, title="First image", tip="Place of the first image", least=0)
    first: int = choice(0, neutral=0, title="Another", tip="As those of the first version", flat=True)


@pytest.fixture
def _one_more(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A sampler of a plugin, with settings of its own."""
    made = Sampler(name="spaced", title="Spaced", tip="Equal steps.", does="nowhere:order", settings=Spaced)
    dist = SimpleNamespace(name="made", version="1")
    entry = SimpleNamespace(name="spaced", value="", dist=dist, load=lambda: made)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == SAMPLERS.group else [])
    SAMPLERS.reload()
    yield
    monkeypatch.undo()
    SAMPLERS.reload()


def test_the_file_is_up_to_date() -> None:
    """Where it is not: `python -m coreset_studio.core.reference`."""
    assert FILE.read_text(encoding="utf-8") == settings_markdown()


def test_every_setting_of_every_section_has_a_line() -> None:
    parts = settings_markdown().split("\n## ")[1:]
    sections = {part.partition("(`")[2].partition("`)")[0]: part.splitlines() for part in parts}
    assert set(sections) == {each.name for each in fields(Settings)}
    for section, lines in sections.items():
        for name, facts in choices_of(getattr(Settings(), section)):
            (line,) = [line for line in lines if line.startswith(f"| `{name}` |")]
            assert "| `--" in line
            assert line.endswith(f" | {facts.tip} |")


def test_own_settings_of_the_first_version_have_a_line_too() -> None:
    text = settings_markdown()
    for start in ("`mu` of Balanced herding", "`backbone` of Transfer network", "`judge_extractor` of Linear probe"):
        assert f"\n| {start}" in text


@pytest.mark.usefixtures("_one_more")
def test_a_description_that_is_added_changes_no_file() -> None:
    assert "--spaced-start" in settings_html()
    assert FILE.read_text(encoding="utf-8") == settings_markdown()


@pytest.mark.parametrize(
    ("cost", "scope", "words"),
    [
        (Cost(), "class", NOT_MEASURED),
        (Cost(seconds_per_image=1e-3), "class", "17.0"),
        (Cost(seconds=1), "class", "8.0"),
        (Cost(seconds=1), "pool", "1.0"),
        (Cost(seconds=0.044), "pool", "0.04"),
    ],
)
def test_seconds_are_those_of_eight_classes(cost: Cost, scope: str, words: str) -> None:
    sampler = Sampler(
        name="x",
        title="X",
        tip="X.",
        does="x:x",
        cost=cost,
        uses_embedding=False,
        scope=scope,  # type: ignore[arg-type]
    )
    assert sum(class_sizes(N_IMAGES)) == N_IMAGES
    assert seconds_words(sampler) == words
