"""What Help and the documentation say of descriptions and settings, made from their facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Any

from core.descriptions import Description, Plugin, Registry, registry
from core.settings.listed import SECTIONS, Setting, all_settings

# The folder of each kind's pages, and what the list of them is called.
FOLDERS: Mapping[str, tuple[str, str]] = {
    "source": ("sources", "Dataset sources"),
    "extractor": ("extractors", "Extractors"),
    "sampler": ("samplers", "Samplers"),
    "network": ("networks", "Networks"),
    "metric": ("metrics", "Metrics"),
    "export format": ("exports", "Export formats"),
}
SETTINGS_PAGE = "settings"


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


def page_html(page: Page) -> str:
    """Return the text of a page: its description's own, or its facts where it has none, and its settings."""
    known = registry(page.kind)
    description = known[page.name]
    text = _own_page(description)
    if text is None:
        text = f"<h1>{escape(description.title)}</h1>\n<p>{escape(description.tip)}</p>\n"
        if description.source:
            text += f"<h2>Source</h2>\n<p>{escape(description.source)}</p>\n"
    own = [each for each in all_settings() if each.owner == page.name and description.settings is not None]
    if own:
        text += f"<h2>Its settings</h2>\n{_table(own)}"
    plugin = known.plugins.get(page.name)
    return text + (_plugin_line(known, plugin) if plugin is not None else "")


def list_html(kind: str) -> str:
    """Return the list of a kind's descriptions, each with its tip."""
    title = FOLDERS[kind][1]
    rows = "".join(
        f'<tr><td><a href="help:{page.path}">{escape(page.title).replace(" ", "&nbsp;")}</a></td>'
        f"<td>{escape(registry(kind)[page.name].tip)}</td></tr>\n"
        for page in pages_of(kind)
    )
    return f'<h1>{title}</h1>\n<table cellpadding="4">\n{rows}</table>\n'


def settings_html() -> str:
    """Return the page of all settings."""
    parts = ["<h1>Settings</h1>\n<p>Every setting, its flag on the command line, and what it is unless changed.</p>\n"]
    for section, about in SECTIONS.items():
        listed = [each for each in all_settings() if each.section == section]
        parts.append(f"<h2>{about[0].upper()}{about[1:]}</h2>\n{_table(listed)}")
    return "".join(parts)


def reference() -> str:
    """Return `docs/reference.md`: every setting and every description of the program's own."""
    lines = [
        "# Reference",
        "",
        "Made from the descriptions and settings in the code by `python -m core.reference`; a test compares.",
        "",
        "## Settings",
        "",
        "A setting that a stored form does not name is neutral there, whatever its default is today.",
    ]
    for section, about in SECTIONS.items():
        lines += ["", f"### {about[0].upper()}{about[1:]} (`{section}`)", ""]
        lines += ["| setting | flag | default | what it does |", "|---|---|---|---|"]
        for setting in all_settings():
            if setting.section == section and not _is_plugin(setting):
                name = f"`{setting.name}`" + (f" of {setting.owner_title}" if setting.owner else "")
                lines.append(f"| {name} | `{setting.flag}` | {_default(setting.default)} | {setting.facts.tip} |")
    for kind, (_, title) in FOLDERS.items():
        known = registry(kind)
        lines += ["", f"## {title}", "", "| name | title | what it is | source |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {each.title} | {each.tip} | {each.source} |"
            for name, each in known.items()
            if name not in known.plugins
        ]
    return "\n".join(lines) + "\n"


def _own_page(description: Description) -> str | None:
    package, _, file = description.help.partition(":")
    if not file:
        return None
    try:
        return resources.files(package).joinpath(file).read_text(encoding="utf-8")
    except (OSError, ModuleNotFoundError):
        return None


def _plugin_line(known: Registry[Description], plugin: Plugin) -> str:
    return f'<p class="quiet">This {known.kind} comes from the plugin {escape(str(plugin))}.</p>\n'


def _table(settings: list[Setting]) -> str:
    rows = "".join(_row(each) for each in settings)
    return (
        '<table cellpadding="4">\n<tr><th align="left">setting</th><th align="left">flag</th>'
        f'<th align="left">default</th><th align="left">what it does</th></tr>\n{rows}</table>\n'
    )


def _row(setting: Setting) -> str:
    of = f" ({setting.owner_title})" if setting.owner else ""
    cells = (f"{setting.facts.title}{of}", setting.flag.replace("-", "\u2011"), _default(setting.default))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in (*cells, setting.facts.tip)) + "</tr>\n"


def _default(value: Any) -> str:
    if value is None or value == "" or value == () or value == {}:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(_default(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_plugin(setting: Setting) -> bool:
    return any(setting.owner in registry(kind).plugins for kind in FOLDERS) if setting.owner else False


if __name__ == "__main__":
    from pathlib import Path

    Path(__file__).parents[1].joinpath("docs", "reference.md").write_text(reference(), encoding="utf-8")
