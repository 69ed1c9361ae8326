"""Generate Help and documentation from descriptions and settings."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from coreset_studio.core.descriptions import Description, Plugin, Registry, registry
from coreset_studio.core.resources import resource_folder
from coreset_studio.core.settings import Settings
from coreset_studio.core.settings.listed import SECTIONS, Setting, all_settings
from coreset_studio.core.settings.own import kind_of

if TYPE_CHECKING:
    from coreset_studio.core.selection.description import Sampler

# The folder of each kind's pages, and what the list of them is called.
FOLDERS: Mapping[str, tuple[str, str]] = {
    "source": ("sources", "Dataset sources"),
    "extractor": ("extractors", "Extractors"),
    "sampler": ("samplers", "Samplers"),
    "network": ("networks", "Networks"),
    "metric": ("metrics", "Metrics"),
    "export format": ("exports", "Export formats"),
}
# The text above the lists; that of samplers is a separate page.
_ABOUT: Mapping[str, str] = {
    "source": "Formats in which labelled images can be stored. The program detects the format automatically.",
    "extractor": "Extractors convert images into features. The features of several extractors are concatenated. "
    "<i>Add a model…</i> on the Features page, or <code>coreset model add</code>, adds a model of your own that was "
    "exported to ONNX. Set how its images are prepared: size, mean, standard deviation, order of the colour channels. "
    "Before it is added, it is run on synthetic images in a separate process. Its output must be one vector per image; "
    "files with external data, and so models above 2 GB, cannot be added. Results are marked as those of an unverified "
    "model, since nobody has measured what its features are worth.",
    "network": "Compare trains networks on the coreset and on the whole pool and evaluates them on the test images.",
    "metric": "Metrics measure how good the predictions of a trained network are.",
    "export format": "How images are written to an export, in addition to its list and its manifest.",
}
SETTINGS_PAGE = "settings"
_ABOUT_SETTINGS = """\
Generated from the code by `python -m coreset_studio.core.reference`; a test checks that it is up to date.

The names are those used in project files, `coreset.json` and `--settings` files; the flags are those of the command
line. Prefix the flag of a yes/no setting with `no-` to turn it off, such as `--no-controls`. If a stored form lacks a
setting, the program behaves as it did before the setting existed. For settings of a single sampler, network or other
description, see its page in Help, which also lists all settings."""
# What the seconds of samplers are reported for: classes as unequal as real sets are. Dermoscopy has 72 % in one class,
# blood cells 20 %.
N_IMAGES = 17_000
SHARES = (0.41, 0.23, 0.14, 0.09, 0.06, 0.04, 0.02, 0.01)
NOT_MEASURED = "not measured"
# Around the rows that `benchmarks/sampler_tables.py` writes into the samplers' overview.
TABLE_BEGINS, TABLE_ENDS = "<!-- samplers: table -->\n", "<!-- end -->"
# An apostrophe stays one: what is made is text between tags, and some of it is committed.
escape = partial(html.escape, quote=False)
_SOURCE = re.compile(r"<h2>Source</h2>")


@dataclass(frozen=True)
class Page:
    """A page of Help that is about one description."""

    kind: str
    name: str
    title: str

    @property
    def path(self) -> str:
        """Folder and name, such as ``"samplers/herding"``."""
        return f"{FOLDERS[self.kind][0]}/{self.name}"


def pages_of(kind: str) -> tuple[Page, ...]:
    """Return the pages of a kind, in the order in which its descriptions are offered."""
    return tuple(Page(kind, name, each.title) for name, each in registry(kind).items())


def list_path(kind: str) -> str:
    """Return the page that lists a kind's descriptions, such as ``"samplers/overview"``."""
    return f"{FOLDERS[kind][0]}/overview"


def page_html(page: Page) -> str:
    """Return the text of a page: its description's own, or its facts where it has none, and its settings.

    Raises
    ------
    KeyError
        If there is no such description.
    """
    known = registry(page.kind)
    description = known[page.name]
    text = _own_page(description)
    if text is None:
        text = _facts(description)
    elif "<h1" not in text:
        text = _heading(description) + text
    return _before_source(text, _own_settings(page)) + _plugin_line(known, known.plugins.get(page.name))


def list_html(kind: str) -> str:
    """Return the list of a kind's descriptions: that of samplers with what was measured, any other with the tips."""
    if kind == "sampler":
        return _samplers_html()
    rows = "".join(
        f'<tr><td><a href="help:{page.path}">{kept(escape(page.title))}</a></td>'
        f"<td>{_sentence(registry(kind)[page.name].tip)}</td></tr>\n"
        for page in pages_of(kind)
    )
    return f'<h1>{FOLDERS[kind][1]}</h1>\n<p>{_ABOUT[kind]}</p>\n<table cellpadding="4">\n{rows}</table>\n'


def settings_html() -> str:
    """Return the page of all settings."""
    ways = " · ".join(f'<a href="#{section}">{_capital(about)}</a>' for section, about in SECTIONS.items())
    about_page = "All settings, with their command-line flags and defaults."
    parts = [f"<h1>Settings</h1>\n<p>{about_page}</p>\n<p>{ways}</p>\n"]
    listed = all_settings()
    for section, about in SECTIONS.items():
        table = _table([each for each in listed if each.section == section], with_owners=True)
        parts.append(f'<a name="{section}"></a><h2>{_capital(about)}</h2>\n{table}')
    return "".join(parts)


def settings_markdown() -> str:
    """Return `docs/settings.md`: the settings of the sections, and of descriptions those of the first version.

    A description that is added, and its own settings with it, changes nothing of it; Help lists these.
    """
    lines = [f"# Settings\n\n{_ABOUT_SETTINGS}"]
    for section, about in SECTIONS.items():
        lines += ["", f"## {_capital(about)} (`{section}`)", ""]
        lines += ["| setting | flag | default | what it does |", "|---|---|---|---|"]
        for setting in all_settings():
            if setting.section == section and (not setting.owner or (setting.facts.flat and not _is_plugin(setting))):
                name = f"`{setting.name}`" + (f" of {setting.owner_title}" if setting.owner else "")
                lines.append(f"| {name} | `{setting.flag}` | {_default(setting.default)} | {setting.facts.tip} |")
    return "\n".join(lines) + "\n"


# --- samplers next to each other
# ---------------------------------------------------------------------------------------


def class_sizes(n_images: int) -> list[int]:
    """Return the images of each class of the set that seconds are reported for."""
    sizes = [round(share * n_images) for share in SHARES]
    sizes[0] += n_images - sum(sizes)
    return sizes


def seconds_words(sampler: "Sampler") -> str:
    """Return about how many seconds a sampler takes for `N_IMAGES`, or that it was not measured."""
    sizes = [N_IMAGES] if sampler.scope != "class" else class_sizes(N_IMAGES)
    seconds = sum(sampler.cost.seconds_for(size) for size in sizes)
    if seconds <= 0:
        return NOT_MEASURED
    return f"{seconds:.2f}" if seconds < 0.1 else f"{seconds:.1f}"


def sampler_row(sampler: "Sampler", gain: str) -> str:
    """Return the row of a sampler in the table of the overview; `gain` is what was measured at 5 %."""
    good_for = escape(sampler.good_for or sampler.tip).replace(" %", "&nbsp;%")
    return (
        f'<tr><td><a href="help:samplers/{sampler.name}">{kept(escape(sampler.title))}</a></td><td>{good_for}</td>'
        f"<td>{'yes' if sampler.nested else 'no'}</td><td>{'seeded' if sampler.uses_seed else 'none'}</td>"
        f'<td align="right">{kept(seconds_words(sampler))}</td><td align="right">{kept(gain)}</td></tr>\n'
    )


def kept(words: str) -> str:
    """Return words between which no line breaks."""
    return words.replace(" ", "&nbsp;")


def _samplers_html() -> str:
    """Return the overview, with a row for each unmeasured sampler after those of its table."""
    text = (resource_folder() / "help" / f"{list_path('sampler')}.html").read_text(encoding="utf-8")
    before, begins, rest = text.partition(TABLE_BEGINS)
    rows, ends, after = rest.partition(TABLE_ENDS)
    samplers = cast("Mapping[str, Sampler]", registry("sampler"))
    more = [sampler_row(each, NOT_MEASURED) for name, each in samplers.items() if f'"help:samplers/{name}"' not in rows]
    return before + begins + rows + "".join(more) + ends + after


# --- parts of pages ---------------------------------------------------------------------------------------------------


def _own_page(description: Description) -> str | None:
    package, _, file = description.help.partition(":")
    if not file:
        return None
    try:
        return resources.files(package).joinpath(file).read_text(encoding="utf-8")
    except Exception:  # a plugin's package may raise anything when it is imported
        return None


def _facts(description: Description) -> str:
    text = f"{_heading(description)}<p>{_sentence(description.tip)}</p>\n"
    text += '<h2>At a glance</h2>\n<table cellpadding="3">\n'
    text += f'<tr><td class="quiet">Name on the command line</td><td>{escape(description.name)}</td></tr>\n</table>\n'
    return text + (f"<h2>Source</h2>\n<p>{escape(description.source)}</p>\n" if description.source else "")


def _heading(description: Description) -> str:
    return f"<h1>{escape(description.title)}</h1>\n"


def _own_settings(page: Page) -> str:
    if registry(page.kind)[page.name].settings is None:
        return ""
    sections = {section for section in SECTIONS if kind_of(getattr(Settings(), section)) == page.kind}
    own = [each for each in all_settings() if each.owner == page.name and each.section in sections]
    return f"<h2>Settings</h2>\n{_table(own)}" if own else ""


def _is_plugin(setting: Setting) -> bool:
    kind = kind_of(getattr(Settings(), setting.section))
    return setting.owner in registry(kind).plugins


def _before_source(text: str, part: str) -> str:
    found = _SOURCE.search(text)
    place = found.start() if found else len(text)
    return text[:place] + part + text[place:]


def _plugin_line(known: Registry[Description], plugin: Plugin | None) -> str:
    if plugin is None:
        return ""
    return f'<p class="quiet">This {known.kind} comes from the plugin {escape(str(plugin))}.</p>\n'


def _table(settings: Iterable[Setting], *, with_owners: bool = False) -> str:
    rows = "".join(_row(each, with_owner=with_owners) for each in settings)
    return (
        '<table cellpadding="4">\n<tr><th align="left">setting and flag</th><th align="left">default</th>'
        f'<th align="left">what it does</th></tr>\n{rows}</table>\n'
    )


def _row(setting: Setting, *, with_owner: bool) -> str:
    of = f" ({setting.owner_title})" if setting.owner and with_owner else ""
    title, flag = escape(f"{setting.facts.title}{of}"), f'<span class="quiet">{escape(setting.flag)}</span>'
    default, tip = escape(_default(setting.default)), escape(setting.facts.tip)
    return f"<tr><td>{title}<br>{flag}</td><td>{default}</td><td>{tip}</td></tr>\n"


def _default(value: Any) -> str:
    if value is None or value == "" or value == () or value == {}:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(_default(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sentence(tip: str) -> str:
    return escape(tip if tip.endswith((".", "?", "!")) else f"{tip}.")


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


if __name__ == "__main__":
    Path(__file__).parents[1].joinpath("docs", "settings.md").write_text(settings_markdown(), encoding="utf-8")
