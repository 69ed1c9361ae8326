"""How often tests of the window look at what pages, dialogs and widgets keep to themselves: ``page._table``.

Such a test breaks where nothing that a user sees has changed. ``python -m tests.private_reads`` lists them.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
FOLDERS = ("desktop_app", "integration/window")


def private_reads(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every attribute of another object whose name begins with one underscore."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.endswith("__"):
            continue
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            continue
        yield node.lineno, ast.unparse(node)


def in_tests() -> list[str]:
    """Return ``file:line text`` of every such read in the tests of the window."""
    found = []
    for folder in FOLDERS:
        for file in sorted((TESTS / folder).rglob("*.py")):
            reads = sorted(private_reads(file.read_text(encoding="utf-8")))
            found += [f"{file.relative_to(TESTS).as_posix()}:{line} {text}" for line, text in reads]
    return found


def main() -> int:
    """Print them, and how many there are of each file."""
    found = in_tests()
    print("\n".join(found))
    for file, n in Counter(line.partition(":")[0] for line in found).most_common():
        print(f"{n:4} {file}")
    print(f"{len(found):4} in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
