"""Write the lists of samplers in Help and in the documentation, from what the samplers describe and what was measured.

    python -m benchmarks.sampler_tables [--check]

In `resources/help/samplers/overview.html` and `docs/samplers.md` what stands between ``<!-- samplers: NAME -->`` and
``<!-- end -->`` is written anew: names, titles, facts and seconds from the descriptions, gains from
`benchmarks/results/quality.md`. A test asks that the files are as this would write them. Listed are the samplers that
have a figure (see `benchmarks/sampler_figures.py`); the program puts all others, plugins among them, behind them
when it shows the page, so that a new sampler changes no file of others.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from coreset_studio.core.palette import sampler_mark
from coreset_studio.core.reference import NOT_MEASURED, sampler_row
from coreset_studio.core.resources import resource_folder
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.samplers import SAMPLERS

ROOT = Path(__file__).resolve().parents[1]
OVERVIEW = resource_folder() / "help" / "samplers" / "overview.html"
FIGURES = OVERVIEW.with_name("figures.json")
INDEX = ROOT / "docs" / "samplers.md"
QUALITY = ROOT / "benchmarks" / "results" / "quality.md"
# What every gain is over.
CONTROL = "stratified"
CHOSEN_BY = ("colour-texture+vgg16", "–")
FIVE_PER_CENT = 6
FIGURES_A_ROW = 3
MADE = re.compile(r"(<!-- samplers: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def own_samplers() -> list[Sampler]:
    """Return the program's own samplers that have a figure, in the order in which they are offered."""
    drawn = json.loads(FIGURES.read_text(encoding="utf-8"))["chosen"]
    return [sampler for name, sampler in SAMPLERS.items() if name in drawn and name not in SAMPLERS.plugins]


def lines() -> list[Sampler]:
    """Return the samplers and, last, the control that is none of them: stratified random with budgets of others."""
    matched = replace(
        SAMPLERS[CONTROL], name="matched", title=sampler_mark("matched").title,
        good_for="the baseline for budgets of one's own", class_budget="difficulty",
    )  # fmt: skip
    return [*own_samplers(), matched]


def gains() -> Mapping[tuple[str, str, str], str]:
    """Return the gains in accuracy at 5 % by sampler, budgets and extractors."""
    found = {}
    table = QUALITY.read_text(encoding="utf-8").split("## Under each judge")[0]
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 9 and cells[3].isdigit():
            key = (cells[0].partition(" (")[0], cells[1].partition(" ")[0], cells[2])
            found[key] = cells[FIVE_PER_CENT].split(" · ")[0].replace("-", "−")
    return found


def gain_of(sampler: Sampler, measured: Mapping[tuple[str, str, str], str]) -> str:
    """Return what it gains, chosen by the extractors of the overview and with class budgets of its own."""
    if sampler.name == CONTROL:
        return "0"
    keys = ((sampler.name, sampler.class_budget, by) for by in CHOSEN_BY)
    return next((measured[key] for key in keys if key in measured), NOT_MEASURED)


def table() -> str:
    """Return the rows of the overview's table."""
    measured = gains()
    return "".join(sampler_row(each, gain_of(each, measured)) for each in lines())


def figures() -> str:
    """Return the rows of figures below it."""
    cells = [
        f'<td><a href="help:samplers/{line.name}"><img src="figure:{line.name}" width="200" height="138"></a><br>'
        f'<a href="help:samplers/{line.name}">{line.title}</a></td>'
        for line in lines()
    ]
    rows = [cells[first : first + FIGURES_A_ROW] for first in range(0, len(cells), FIGURES_A_ROW)]
    return "".join(f"<tr>{''.join(row)}</tr>\n" for row in rows)


def index() -> str:
    """Return the list of the documentation."""
    rows = ["| sampler | name | what it does | source |\n", "|---|---|---|---|\n"]
    for each in own_samplers():
        page = f"../resources/{each.help.removeprefix('coreset_studio.resources:')}"
        rows.append(f"| [{each.title}]({page}) | `{each.name}` | {each.tip} | {each.source} |\n")
    return "".join(rows)


PARTS: Mapping[str, Callable[[], str]] = {"table": table, "figures": figures, "index": index}


def made(file: Path) -> str:
    """Return the text of a file with its lists written anew."""
    return MADE.sub(lambda found: found[1] + PARTS[found[2]]() + found[3], file.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where a file would change")
    options = parser.parse_args()
    changed = [file for file in (OVERVIEW, INDEX) if made(file) != file.read_text(encoding="utf-8")]
    for file in changed:
        if not options.check:
            file.write_text(made(file), encoding="utf-8")
        print(f"{'differs' if options.check else 'written'}: {file}")
    sys.exit(1 if options.check and changed else 0)


if __name__ == "__main__":
    main()
