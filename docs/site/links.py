"""Links of documents outside `docs` lead to the pages that contain them; those to other files are shown as code."""

import re
from pathlib import Path
from typing import Any

PAGES = {
    "README.md": "index.md",
    "CONTEXT.md": "glossary.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)([^)\s]+)\)")


def on_page_read_source(*, page: Any, **_: Any) -> str | None:
    """Read a page that consists of a file of the repository's root as that file, with its links rewritten."""
    source = Path(page.file.abs_src_path)
    text = source.read_text(encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    included = re.fullmatch(r"--8<-- \"([\w.]+)\"\n?", text)
    inside = (root / included[1]).read_text(encoding="utf-8") if included else text
    folder = root if included else source.parent

    def linked(found: re.Match[str]) -> str:
        words, target = found[1], found[2]
        path, _, anchor = target.partition("#")
        file = (folder / path).resolve()
        named = file.relative_to(root).as_posix() if file.is_relative_to(root) else path
        anchor = f"#{anchor}" if anchor else ""
        if named in PAGES:
            return f"[{words}]({'../' * page.file.src_uri.count('/')}{PAGES[named]}{anchor})"
        if named.startswith("docs/") and file.suffix in (".md", ".png"):
            return f"[{words}]({'../' * page.file.src_uri.count('/')}{named.removeprefix('docs/')}{anchor})"
        return f"{words} (`{named}`)"

    inside = _LINK.sub(linked, inside)
    return re.sub(r"!\[([^\]]*)\]\(docs/", r"![\1](", inside)
