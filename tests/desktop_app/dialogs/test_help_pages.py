"""What stands in Help: a page for each sampler with its source, links that lead somewhere, figures as measured."""

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from core.resources import resource_folder
from core.selection.samplers import SAMPLERS
from desktop_app import theme
from desktop_app.dialogs.help_pages import OVERVIEW, page_html, page_titles, pages_with, sampler_page
from desktop_app.dialogs.sampler_picture import example

ROOT = Path(__file__).resolve().parents[3]
FOLDER = resource_folder() / "help" / "samplers"
MADE_BY = {
    "colour-texture, VGG16 and VGG16 averaged": "colour-texture+vgg16+vgg16-avg",
    "colour-texture and VGG16": "colour-texture+vgg16",
    "colour-texture": "colour-texture",
    "VGG16": "vgg16",
}
MEASURES = ("Accuracy", "Balanced accuracy", "Recall of the worst hidden kind")


def words_of(html: str) -> str:
    text = re.sub(r"<[^>]+>", " ", html).replace("&nbsp;", " ")
    return re.sub(r"\s+", " ", text)


def sections_of(name: str) -> dict[str, str]:
    parts = re.split(r"<h2>(.*?)</h2>", page_html(f"samplers/{name}"))
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def measured() -> dict[tuple[str, str, str], list[list[str]]]:
    """The cells of the quality table by sampler, budgets and extractors; each has one text a measure."""
    table = (ROOT / "benchmarks" / "results" / "quality.md").read_text(encoding="utf-8").split("## Under each judge")[0]
    rows = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 9 and cells[3].isdigit():
            key = (cells[0].partition(" (")[0], cells[1].partition(" ")[0], cells[2])
            rows[key] = [cell.replace("-", "−").split(" · ") for cell in cells[4:]]
    return rows


def benchmark(name: str) -> Any:
    """Import a file of the benchmarks, which are no part of what is installed."""
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module(f"benchmarks.{name}")
    finally:
        sys.path.remove(str(ROOT))


# --- pages ----------------------------------------------------------------------------------------------------


def test_every_sampler_has_a_page_and_every_page_a_sampler() -> None:
    assert list(example().chosen) == [*SAMPLERS, "matched"]
    assert {file.stem for file in FOLDER.glob("*.html")} == {*SAMPLERS, "matched", "overview"}
    for name in example().chosen:
        assert sampler_page(name) == f"samplers/{name}"
        assert f"<h1>{theme.sampler_title(name)}</h1>" in page_html(sampler_page(name))
    assert sampler_page("one of tomorrow") == OVERVIEW


@pytest.mark.parametrize("name", [*SAMPLERS, "matched"])
def test_a_page_says_all_that_is_asked_for(name: str) -> None:
    sections = sections_of(name)
    assert f'src="picture:{name}"' in sections[""]
    assert len(words_of(sections[""])) > 200
    for wanted in ("When to use it", "When not", "What our measurement showed", "Source"):
        assert len(words_of(sections[wanted])) > 40, wanted
    formula, _, symbols = sections["The formula"].partition("</p>")
    assert 'class="formula"' in formula
    assert 'class="symbol"' in symbols


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_page_names_the_source(name: str) -> None:
    """The authors, the year or the number that the registry names stand on the page."""
    source = words_of(sections_of(name)["Source"])
    marks = re.findall(r"(?<![A-Za-z])[A-Z][a-z]+|\d{4}(?:\.\d+)?", SAMPLERS[name].source)
    marks = [mark for mark in marks if mark != "Ours"]
    assert len(marks) >= 2
    assert [mark for mark in marks if mark not in source] == []
    assert re.search(r"\b(19|20)\d\d\b", source)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_page_says_of_a_sampler_what_is_so(name: str) -> None:
    facts = words_of(sections_of(name)["In short"])
    sampler = SAMPLERS[name]
    assert f"inside large ones {'yes' if sampler.nested else 'no'} " in facts
    assert ("Chance a seed" in facts) == sampler.uses_seed
    row = re.search(rf"<tr><td><a href=\"help:samplers/{name}\">.*?</tr>", page_html(OVERVIEW))
    assert row is not None
    _, _, nested, chance, *_ = re.findall(r"<td[^>]*>(.*?)</td>", row[0])
    assert (nested, chance) == ("yes" if sampler.nested else "no", "seed" if sampler.uses_seed else "none")


def test_lists_of_samplers_are_those_that_the_descriptions_give() -> None:
    """Where they are not: `python -m benchmarks.sampler_tables`."""
    tables = benchmark("sampler_tables")
    for file in (tables.OVERVIEW, tables.INDEX):
        text = file.read_text(encoding="utf-8")
        assert text == tables.made(file)
        assert all(
            f"/{name}" in text and sampler.title in text.replace("&nbsp;", " ") for name, sampler in SAMPLERS.items()
        )
    assert tables.made(tables.OVERVIEW).count("<tr><td><a href=") == len(SAMPLERS) + 1 + -(-(len(SAMPLERS) + 1) // 3)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_page_says_how_long_the_sampler_is_estimated_to_take(name: str) -> None:
    seconds = benchmark("sampler_tables").seconds_words(SAMPLERS[name])
    facts = words_of(sections_of(name)["In short"])
    assert re.search(rf"Choosing from 17,000 images [^<]*\b{re.escape(seconds)} s\b", facts)


@pytest.mark.parametrize("name", list(page_titles()))
def test_links_lead_somewhere(name: str) -> None:
    for link in re.findall(r'href="([^"]+)"', page_html(name)):
        page, _, anchor = link.partition("#")
        target = page.removeprefix("help:") or name
        assert target in page_titles(), link
        assert not anchor or f'<a name="{anchor}">' in page_html(target), link


def test_the_method_and_the_tour_lead_to_the_samplers() -> None:
    for name in SAMPLERS:
        assert f"help:samplers/{name}" in page_html("method")
        assert f"help:samplers/{name}" in page_html(OVERVIEW)
    assert f"help:{OVERVIEW}" in page_html("tour")


def test_pages_are_found_by_their_words(qapp: object) -> None:
    assert pages_with("") == list(page_titles())
    assert pages_with("Super-samples") == ["samplers/balanced-herding"]
    assert pages_with("SAINTE-LAGUË") == ["method"]
    assert "samplers/k-center" in pages_with("from 2 to 10 %")
    assert pages_with("no such word anywhere") == []


# --- figures --------------------------------------------------------------------------------------------------


def test_tables_hold_what_was_measured() -> None:
    rows, seen = measured(), 0
    for name in example().chosen:
        key: tuple[str, str, str] | None = None
        for line in re.findall(r"<tr>(.*?)</tr>", sections_of(name)["What our measurement showed"]):
            cells = [words_of(cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", line)]
            chosen = re.fullmatch(
                r"Chosen by (.*), (?:budgets by )?(difficulty|proportional)(?: budgets)?", "".join(cells)
            )
            if chosen:
                key = (name, chosen[2], MADE_BY[chosen[1]])
            elif cells == ["Over the whole pool"]:
                key = (name, "proportional", "–")
            elif key and cells and cells[0] in MEASURES:
                assert cells[1:] == [cell[MEASURES.index(cells[0])] for cell in rows[key]], (name, cells[0])
                seen += 1
    assert seen >= 3 * 18


def test_no_figure_stands_in_the_words_that_the_tables_do_not_have() -> None:
    table = (ROOT / "benchmarks" / "results" / "quality.md").read_text(encoding="utf-8").replace("-", "−")
    for name in (*example().chosen, "overview"):
        text = words_of(page_html(f"samplers/{name}"))
        figures = re.findall(r"[+−]\d+\.\d ± \d+\.\d", text) + re.findall(r"\b0\.\d{3}\b", text)
        assert [figure for figure in figures if figure not in table] == [], name
    assert "0.821 0.855" in words_of(page_html("samplers/stratified"))


# --- pictures -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chosen_now() -> dict[str, Any]:
    """What the samplers choose of the example now."""
    data: dict[str, Any] = benchmark("sampler_pictures").picture_data()
    return data


def test_pictures_show_what_the_samplers_choose_now(chosen_now: dict[str, Any]) -> None:
    """Where a sampler was changed: `python -m benchmarks.sampler_pictures`, and read the pages again."""
    stored = json.loads((FOLDER / "pictures.json").read_text(encoding="utf-8"))
    assert stored["points"] == chosen_now["points"]
    assert stored["chosen"] == chosen_now["chosen"]
    assert stored == chosen_now
    assert all(len(set(rows)) == 20 for rows in stored["chosen"].values())


def test_captions_count_what_the_pictures_show(chosen_now: dict[str, Any]) -> None:
    for name, rows in chosen_now["chosen"].items():
        text = words_of(sections_of(name)[""])
        taken = [chosen_now["parts"][row] for row in rows]
        for part, words in (
            ("dense", "of the 230 in the dense group"),
            ("sparse", "of 130 in the sparse one"),
            ("rare", "of 30 in the rare one"),
            ("odd", "of the 10 odd ones"),
        ):
            assert f" {taken.count(part)} {words}" in text, name
