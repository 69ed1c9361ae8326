"""What stands in Help: a page for each description, links that lead somewhere, figures of samplers as measured.

Figures, gains and a place in the lists that are committed are asked of the samplers that were measured: of those in
`figures.json` and in `benchmarks/results/quality.md`. A new sampler needs none of them.
"""

import importlib
import json
import re
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core import reference
from coreset_studio.core.descriptions import all_kinds, registry
from coreset_studio.core.resources import resource_folder
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.settings.listed import all_settings
from coreset_studio.desktop_app.dialogs.help_pages import (
    MATCHED,
    OVERVIEW,
    known_page,
    list_above,
    page_html,
    page_of,
    page_titles,
    pages_with,
)
from coreset_studio.desktop_app.dialogs.sampler_figure import example

ROOT = Path(__file__).resolve().parents[3]
FOLDER = resource_folder() / "help" / "samplers"
MADE_BY = {
    "colour-texture, VGG16 and VGG16 averaged": "colour-texture+vgg16+vgg16-avg",
    "colour-texture and VGG16": "colour-texture+vgg16",
    "colour-texture": "colour-texture",
    "VGG16": "vgg16",
}
DRAWN = [name for name in example().chosen if name != "matched"]
PLUGIN_SAMPLER = """
from dataclasses import dataclass
from coreset_studio.core.descriptions import Cost, SettingsPart, choice
from coreset_studio.core.selection.description import Sampler

@dataclass(frozen=True, kw_only=True)
class Spaced(SettingsPart):
    start: int = choice(0, neutral=0, title="First image", tip="Place of the first", least=0)

WITH_PAGE = Sampler(
    name="spaced", title="Evenly spaced", tip="Takes equal steps.", does="nowhere:order", settings=Spaced,
    help="coreset_spaced:spaced.html", good_for="films", cost=Cost(seconds_per_image=1e-3),
)
WITHOUT = Sampler(name="bare", title="Bare & short", tip="Takes any.", does="nowhere:order", source="Nobody 2026")
BROKEN = Sampler(name="lost", title="Lost page", tip="Takes none.", does="nowhere:order", help="nowhere:lost.html")
"""
PLUGIN_PAGE = """<h1>Evenly spaced</h1>
<p>Steps over a slide, see <a href="help:samplers/herding">herding</a>. <img src="figure:spaced" width="9" height="9">
<h2>Source</h2>
<p>Nobody.</p>
"""
MEASURES = ("Accuracy", "Balanced accuracy", "Worst hidden-subclass recall")


def words_of(html: str) -> str:
    text = re.sub(r"<[^>]+>", " ", html).replace("&nbsp;", " ")
    return re.sub(r"\s+", " ", text)


def sections_of(name: str) -> dict[str, str]:
    parts = re.split(r"<h2>(.*?)</h2>", page_html(f"samplers/{name}"))
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def row_of(name: str, text: str) -> str:
    """The row of a sampler in the table of the overview."""
    row = re.search(rf"<tr><td><a href=\"help:samplers/{name}\">.*?</tr>", text)
    assert row is not None
    return row[0]


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


def with_figures() -> list[str]:
    """The samplers that have a figure and were measured; every gain is over stratified random."""
    names = {name for name, _, _ in measured()} | {"stratified"}
    return [name for name in DRAWN if name in names]


def benchmark(name: str) -> Any:
    """Import a file of the benchmarks, which are no part of what is installed."""
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module(f"benchmarks.{name}")
    finally:
        sys.path.remove(str(ROOT))


@pytest.fixture
def plugin_samplers(install_plugin: Any) -> str:
    """Samplers of a package: one with a page and a setting, one without a page, one whose page is lost."""
    modules = {"__init__.py": "", "samplers.py": PLUGIN_SAMPLER, "spaced.html": PLUGIN_PAGE}
    entries = {name: f"coreset_spaced.samplers:{name}" for name in ("WITH_PAGE", "WITHOUT", "BROKEN")}
    install_plugin(SAMPLERS, "coreset_spaced", modules, entries)
    return "coreset_spaced 1.2"


# --- the list ---------------------------------------------------------------------------------------------------


def test_the_list_is_made_of_the_descriptions_of_all_kinds() -> None:
    assert set(reference.FOLDERS) == set(all_kinds())
    expected = {
        "tour": "Tour",
        "method": "The method",
        "labelling": "Which images to label first",
        "settings": "Settings",
    }
    for kind, (folder, title) in reference.FOLDERS.items():
        expected[f"{folder}/overview"] = title
        expected |= {f"{folder}/{name}": each.title for name, each in registry(kind).items()}
        expected |= {MATCHED: "Matched random"} if kind == "sampler" else {}
    expected |= {"machines": "Several machines", "licences": "Licences"}
    assert list(page_titles().items()) == list(expected.items())


@pytest.mark.parametrize("name", list(page_titles()))
def test_every_page_is_headed_by_its_title(name: str) -> None:
    assert [unescape(title) for title in re.findall("<h1>(.*?)</h1>", page_html(name))] == [page_titles()[name]]


@pytest.mark.parametrize("kind", list(reference.FOLDERS))
def test_every_description_of_the_program_has_a_page_and_every_page_a_description(kind: str) -> None:
    folder = resource_folder() / "help" / reference.FOLDERS[kind][0]
    names = [name for name in registry(kind) if name not in registry(kind).plugins]
    for name in names:
        first = (folder / f"{name}.html").read_text(encoding="utf-8").partition("<h2>")[0]
        assert page_html(page_of(kind, name)).startswith(first)
    others = {"overview", "matched"} if kind == "sampler" else set()
    assert {file.stem for file in folder.glob("*.html")} == {*names, *others}


def test_what_is_unknown_leads_to_the_nearest_list() -> None:
    assert page_of("network", "transfer") == known_page("networks/transfer") == "networks/transfer"
    assert page_of("network", "of tomorrow") == known_page("networks/of-tomorrow") == "networks/overview"
    assert known_page("gone") == OVERVIEW
    assert (list_above("networks/transfer"), list_above("networks/overview"), list_above("tour")) == (
        "networks/overview", "", "",
    )  # fmt: skip
    with pytest.raises(FileNotFoundError):
        page_html("networks/of-tomorrow")


@pytest.mark.parametrize("kind", [kind for kind in reference.FOLDERS if kind != "sampler"])
def test_a_list_names_all_of_its_kind(kind: str) -> None:
    rows = re.findall(r'<tr><td><a href="help:(.*?)">(.*?)</a></td><td>(.*?)</td></tr>', page_html(page_of(kind, "")))
    assert [name for name, _, _ in rows] == [page.path for page in reference.pages_of(kind)]
    assert [words_of(title) for _, title, _ in rows] == [each.title for each in registry(kind).values()]
    assert all(tip.endswith(".") for _, _, tip in rows)


def test_the_page_of_settings_has_them_all() -> None:
    rows = re.findall(r'<tr><td>(.*?)<br><span class="quiet">(.*?)</span></td>', page_html("settings"))
    assert [flag for _, flag in rows] == [setting.flag for setting in all_settings()]
    assert ("μ, weight of small clusters (Balanced herding)", "--mu") in rows


def test_own_settings_stand_on_the_page_before_the_source() -> None:
    text = page_html("networks/transfer")
    assert text.index("<h2>Settings</h2>") < text.index("--backbone") < text.index("<h2>Source</h2>")
    assert "--judge-extractor" not in text
    assert "<h2>Settings</h2>" not in page_html("networks/custom")


@pytest.mark.parametrize("name", list(page_titles()))
def test_links_lead_somewhere(name: str) -> None:
    for link in re.findall(r'href="([^"]+)"', page_html(name)):
        page, _, anchor = link.partition("#")
        target = page.removeprefix("help:") or name
        assert target in page_titles(), link
        assert not anchor or f'<a name="{anchor}">' in page_html(target), link


def test_pages_are_found_by_their_words(qapp: object) -> None:
    assert pages_with("") == list(page_titles())
    for words, page in (("super-samples", "samplers/balanced-herding"), ("SAINTE-LAGUË", "method")):
        found = pages_with(words)
        assert page in found
        assert "tour" not in found
    assert "samplers/k-center" in pages_with("from 2 to 10 %")
    assert {"settings", "networks/transfer"} <= set(pages_with("--untrained-backbone"))
    assert pages_with("no such word anywhere") == []


# --- plugins ----------------------------------------------------------------------------------------------------


def test_pages_of_plugins_are_there_while_the_plugin_is(qapp: object, request: pytest.FixtureRequest) -> None:
    before, settings = page_titles(), page_html("settings")
    plugin = request.getfixturevalue("plugin_samplers")
    added = {"samplers/bare": "Bare & short", "samplers/lost": "Lost page", "samplers/spaced": "Evenly spaced"}
    assert dict(page_titles().items() - before.items()) == added
    assert list(page_titles()).index("samplers/spaced") < list(page_titles()).index(MATCHED)
    assert pages_with("Steps over a slide, see herding") == ["samplers/spaced"]
    for name in added:
        assert f"This sampler comes from the plugin {plugin}." in page_html(name)
    assert "--spaced-start" in page_html("settings")
    request.getfixturevalue("monkeypatch").setattr(sys, "frozen", True, raising=False)
    SAMPLERS.reload()
    assert page_titles() == before
    assert page_html("settings") == settings
    assert pages_with("Steps over a slide, see herding") == []


@pytest.mark.usefixtures("plugin_samplers")
def test_the_page_of_a_plugin_is_its_own_with_its_settings() -> None:
    text = page_html("samplers/spaced")
    assert text.startswith(PLUGIN_PAGE.partition("<h2>")[0])
    assert words_of(text).index("--spaced-start") < words_of(text).index("Source")


@pytest.mark.usefixtures("plugin_samplers")
def test_what_has_no_page_has_one_of_its_facts() -> None:
    text = page_html("samplers/bare")
    assert text.startswith("<h1>Bare &amp; short</h1>\n<p>Takes any.</p>\n")
    assert "<td>bare</td>" in text
    assert "<h2>Source</h2>\n<p>Nobody 2026</p>" in text
    assert page_html("samplers/lost").startswith("<h1>Lost page</h1>\n<p>Takes none.</p>\n")


def test_a_page_without_a_heading_gets_one(install_plugin: Any) -> None:
    modules = {"__init__.py": "", "samplers.py": PLUGIN_SAMPLER, "spaced.html": "<p>Words alone.</p>\n"}
    install_plugin(SAMPLERS, "coreset_spaced", modules, {"spaced": "coreset_spaced.samplers:WITH_PAGE"})
    assert page_html("samplers/spaced").startswith("<h1>Evenly spaced</h1>\n<p>Words alone.</p>\n")


def test_a_plugin_of_another_kind_is_listed_and_shown(install_plugin_module: Any) -> None:
    install_plugin_module("source", "shelf")
    assert page_titles()["sources/shelf"] == "Shelf"
    assert 'href="help:sources/shelf"' in page_html("sources/overview")
    text = page_html("sources/shelf")
    assert text.startswith("<h1>Shelf</h1>\n<p>Whole image files as text, a line each.</p>\n")
    assert "This source comes from the plugin shelf 1.0." in text


@pytest.mark.usefixtures("plugin_samplers")
def test_a_sampler_that_nobody_measured_stands_behind_the_others() -> None:
    text = page_html(OVERVIEW)
    names = re.findall(r'<tr><td><a href="help:samplers/([\w-]+)">', text.partition("<!-- samplers: figures -->")[0])
    behind = [name for name in SAMPLERS if name not in DRAWN]
    assert {"bare", "lost", "spaced"} <= set(behind)
    assert names == [*[name for name in SAMPLERS if name in DRAWN], "matched", *behind]
    cells = {name: re.findall(r"<td[^>]*>(.*?)</td>", row_of(name, text))[1:] for name in ("spaced", "bare")}
    assert [words_of(cell) for cell in cells["spaced"]] == ["films", "yes", "none", "17.0", "not measured"]
    assert [words_of(cell) for cell in cells["bare"]] == ["Takes any.", "yes", "none", "not measured", "not measured"]
    assert 'src="figure:bare"' not in text


# --- pages of samplers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SAMPLERS, "matched"])
def test_a_page_says_all_that_is_asked_for(name: str) -> None:
    sections = sections_of(name)
    assert len(words_of(sections[""])) > 200
    for wanted in ("When to use it", "When to avoid it", "Source"):
        assert len(words_of(sections[wanted])) > 40, wanted


@pytest.mark.parametrize("name", [*DRAWN, "matched"])
def test_a_page_has_a_figure_and_a_formula(name: str) -> None:
    sections = sections_of(name)
    assert f'src="figure:{name}"' in sections[""]
    formula, _, symbols = sections["Formula"].partition("</p>")
    assert 'class="formula"' in formula
    assert 'class="symbol"' in symbols


@pytest.mark.parametrize("name", [*with_figures(), "matched"])
def test_a_page_says_what_was_measured(name: str) -> None:
    assert len(words_of(sections_of(name)["Benchmark results"])) > 40


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
    facts = words_of(sections_of(name)["At a glance"])
    sampler = SAMPLERS[name]
    assert f"inside large ones {'yes' if sampler.nested else 'no'} " in facts
    assert ("Randomness seeded" in facts) == sampler.uses_seed
    _, _, nested, chance, *_ = re.findall(r"<td[^>]*>(.*?)</td>", row_of(name, page_html(OVERVIEW)))
    assert (nested, chance) == ("yes" if sampler.nested else "no", "seeded" if sampler.uses_seed else "none")


def test_lists_of_samplers_are_those_that_the_descriptions_give() -> None:
    """Where they are not: `python -m benchmarks.sampler_tables`."""
    tables = benchmark("sampler_tables")
    for file in (tables.OVERVIEW, tables.INDEX):
        text = file.read_text(encoding="utf-8")
        assert text == tables.made(file)
        assert all(f"/{name}" in text and SAMPLERS[name].title in text.replace("&nbsp;", " ") for name in DRAWN)
    n_lines = len(DRAWN) + 1
    assert tables.made(tables.OVERVIEW).count("<tr><td><a href=") == n_lines + -(-n_lines // 3)


@pytest.mark.parametrize("name", DRAWN)
def test_a_page_says_how_long_the_sampler_is_estimated_to_take(name: str) -> None:
    seconds = reference.seconds_words(SAMPLERS[name])
    facts = words_of(sections_of(name)["At a glance"])
    assert re.search(rf"Time for 17,000 images [^<]*\b{re.escape(seconds)} s\b", facts)


def test_the_method_and_the_tour_lead_to_the_samplers() -> None:
    for name in DRAWN:
        assert f"help:samplers/{name}" in page_html("method")
    assert f"help:{OVERVIEW}" in page_html("tour")


# --- figures --------------------------------------------------------------------------------------------------


def test_tables_hold_what_was_measured() -> None:
    rows, seen = measured(), 0
    for name in (*with_figures(), "matched"):
        key: tuple[str, str, str] | None = None
        for line in re.findall(r"<tr>(.*?)</tr>", sections_of(name)["Benchmark results"]):
            cells = [words_of(cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", line)]
            chosen = re.fullmatch(
                r"Features: (.*); (?:budgets by )?(difficulty|proportional)(?: budgets)?", "".join(cells)
            )
            if chosen:
                key = (name, chosen[2], MADE_BY[chosen[1]])
            elif cells == ["Over the whole pool"]:
                key = (name, "proportional", "–")
            elif key and cells and cells[0] in MEASURES:
                assert cells[1:] == [cell[MEASURES.index(cells[0])] for cell in rows[key]], (name, cells[0])
                seen += 1
    assert seen >= 3 * 18


def test_tables_of_budgets_hold_what_was_measured() -> None:
    """The fair anchors were measured beside even herding, with the same budgets: `benchmarks/results/budgets.md`."""
    text = (ROOT / "benchmarks" / "results" / "budgets.md").read_text(encoding="utf-8").replace("-", "−")
    opened, locked = text.split("## Locked images")
    titles = {SAMPLERS[name].title: name for name in SAMPLERS}
    seen = 0
    for page, part in (("max-herding", locked), ("global-graph-coverage", opened)):
        rows = {}
        for line in part.splitlines():
            of, sampler, rule, *cells = (cell.strip() for cell in (line.strip("|") + "|||").split("|"))
            if of == "blood−cells" and not sampler.isdigit():
                rows[sampler.replace("−", "-"), rule] = [cell.split(" · ") for cell in cells[:5]]
        key = ("", "")
        for line in re.findall(r"<tr>(.*?)</tr>", sections_of(page)["Benchmark results"]):
            cells = [words_of(cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", line)]
            head = re.fullmatch(r"(.*), (?:budgets by )?(equal|difficulty)(?: budgets)?", "".join(cells))
            if head:
                key = (titles[head[1]], head[2])
            elif cells:
                at = ("Accuracy", "Balanced accuracy").index(cells[0])
                assert cells[1:] == [cell[at] for cell in rows[key]], (page, key, cells[0])
                seen += 1
    assert seen == 2 * 4 * 2


def test_no_figure_stands_in_the_words_that_the_tables_do_not_have() -> None:
    table = (ROOT / "benchmarks" / "results" / "quality.md").read_text(encoding="utf-8").replace("-", "−")
    for name in (*example().chosen, "overview"):
        text = words_of(page_html(f"samplers/{name}"))
        figures = re.findall(r"[+−]\d+\.\d ± \d+\.\d", text) + re.findall(r"\b0\.\d{3}\b", text)
        assert [figure for figure in figures if figure not in table] == [], name
    assert "0.821 0.855" in words_of(page_html("samplers/stratified"))


# --- figures -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chosen_now() -> dict[str, Any]:
    """What the samplers choose of the example now."""
    data: dict[str, Any] = benchmark("sampler_figures").figure_data(DRAWN)
    return data


def test_figures_show_what_the_samplers_choose_now(chosen_now: dict[str, Any]) -> None:
    """Where a sampler was changed: `python -m benchmarks.sampler_figures`, and read the pages again."""
    assert list(example().chosen) == [*(name for name in SAMPLERS if name in DRAWN), "matched"]
    stored = json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))
    assert stored["points"] == chosen_now["points"]
    assert stored["chosen"] == chosen_now["chosen"]
    assert stored == chosen_now
    assert all(len(set(rows)) == 20 for rows in stored["chosen"].values())


def test_captions_count_what_the_figures_show(chosen_now: dict[str, Any]) -> None:
    for name, rows in chosen_now["chosen"].items():
        text = words_of(sections_of(name)[""])
        taken = [chosen_now["parts"][row] for row in rows]
        for part, words in (
            ("dense", "of the 230 in the dense group"),
            ("sparse", "of 130 in the sparse one"),
            ("rare", "of 30 in the rare one"),
            ("odd", "of the 10 outliers"),
        ):
            assert f" {taken.count(part)} {words}" in text, name
