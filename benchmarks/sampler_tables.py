"""Write the lists of samplers in Help and in the documentation, from what the samplers describe and what was measured.

    python -m benchmarks.sampler_tables [--check]

In `resources/help/samplers/overview.html` and `docs/samplers.md` what stands between ``<!-- samplers: NAME -->`` and
``<!-- end -->`` is written anew: names, titles, facts and seconds from the descriptions, gains from
`benchmarks/results/quality.md`. A test asks that the files are as this would write them. Of plugins nothing is written.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.selection_cost import class_sizes
from core.palette import sampler_mark
from core.resources import resource_folder
from core.selection.description import Sampler
from core.selection.samplers import SAMPLERS

ROOT = Path(__file__).resolve().parents[1]
OVERVIEW = resource_folder() / "help" / "samplers" / "overview.html"
INDEX = ROOT / "docs" / "samplers.md"
QUALITY = ROOT / "benchmarks" / "results" / "quality.md"
N_IMAGES = 17_000
CHOSEN_BY = ("colour-texture+vgg16", "–")
FIVE_PER_CENT = 6
PICTURES_A_ROW = 3
MADE = re.compile(r"(<!-- samplers: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """What stands of one sampler in a list."""

    name: str
    title: str
    good_for: str
    nested: bool
    seeded: bool
    seconds: str
    budgets: str


def own_samplers() -> list[Sampler]:
    """Return the program's own samplers, in the order in which they are offered."""
    return [sampler for name, sampler in SAMPLERS.items() if name not in SAMPLERS.plugins]


def seconds_of(sampler: Sampler, n_images: int = N_IMAGES) -> float:
    """Return about how long choosing takes from so many images in eight classes of unequal size."""
    sizes = [n_images] if sampler.scope == "pool" else class_sizes(n_images)
    return sum(sampler.cost.seconds_for(size) for size in sizes)


def seconds_words(sampler: Sampler) -> str:
    """Return those seconds as Help writes them."""
    seconds = seconds_of(sampler)
    return f"{seconds:.2f}" if seconds < 0.1 else f"{seconds:.1f}"


def lines() -> Iterator[Line]:
    """Yield the samplers and, last, the control that is none of them."""
    for each in own_samplers():
        yield Line(
            each.name, each.title, each.good_for, each.nested, each.uses_seed, seconds_words(each), each.class_budget
        )
    matched, like = sampler_mark("matched"), SAMPLERS["stratified"]
    yield Line(
        "matched", matched.title, "the control beside budgets of one's own", like.nested, like.uses_seed,
        seconds_words(like), "difficulty",
    )  # fmt: skip


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


def table() -> str:
    """Return the rows of the overview's table."""
    measured = gains()
    rows = []
    for line in lines():
        gain = next(
            (measured[key] for key in ((line.name, line.budgets, by) for by in CHOSEN_BY) if key in measured), "0"
        )
        rows.append(
            f'<tr><td><a href="help:samplers/{line.name}">{kept(line.title)}</a></td>'
            f"<td>{line.good_for.replace(' %', '&nbsp;%')}</td>"
            f"<td>{'yes' if line.nested else 'no'}</td><td>{'seed' if line.seeded else 'none'}</td>"
            f'<td align="right">{line.seconds}</td><td align="right">{kept(gain)}</td></tr>\n'
        )
    return "".join(rows)


def pictures() -> str:
    """Return the rows of pictures below it."""
    cells = [
        f'<td><a href="help:samplers/{line.name}"><img src="picture:{line.name}" width="200" height="138"></a><br>'
        f'<a href="help:samplers/{line.name}">{line.title}</a></td>'
        for line in lines()
    ]
    rows = [cells[first : first + PICTURES_A_ROW] for first in range(0, len(cells), PICTURES_A_ROW)]
    return "".join(f"<tr>{''.join(row)}</tr>\n" for row in rows)


def index() -> str:
    """Return the list of the documentation."""
    rows = ["| sampler | name | what it does | source |\n", "|---|---|---|---|\n"]
    for each in own_samplers():
        page = f"../resources/{each.help.removeprefix('resources:')}"
        rows.append(f"| [{each.title}]({page}) | `{each.name}` | {each.tip} | {each.source} |\n")
    return "".join(rows)


def kept(words: str) -> str:
    """Return words between which no line breaks."""
    return words.replace(" ", "&nbsp;")


PARTS: Mapping[str, Callable[[], str]] = {"table": table, "pictures": pictures, "index": index}


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
