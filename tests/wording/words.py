"""Words that text for users avoids, and the files in which they are rejected."""

from collections.abc import Mapping

# Documents and Help. The glossary names the words to avoid, `docs/adr` is history, and `docs/settings.md` is generated
# from strings in Python.
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/*.md",
    "docs/plugin_example/coreset_example/*.html",
    "packaging/linux/*.1",
    "resources/**/*.html",
    "resources/**/*.md",
    "benchmarks/additions/**/*.html",
)
NOT_DOCUMENTS = ("docs/settings.md",)

# Python files whose strings are free of these words: add a file or a folder (``"core/output/**/*.py"``) once its
# strings are.
PYTHON = (
    "core/**/*.py",
    "desktop_app/**/*.py",
)
# A style sheet, whose classes have names of their own.
NOT_PYTHON = ("desktop_app/dialogs/help_text.py",)

# Each pattern matches whole words, regardless of case; the value says what to write instead.
AVOIDED: Mapping[str, str] = {
    r"fast judge": "linear probe",
    r"judge[ds]?|judging": "evaluate, or the linear probe",
    r"foretell\w*|foretold": "estimate",
    r"wants?|wanted": "require, need",
    r"tells?|told|telling": "show, report, state",
    r"heed\w*": "use, respect",
    r"luck\w*": "chance, random variation",
    r"yardsticks?": "baseline",
    r"(selection )?desk": "selection service",
    r"doubtful labels?|label doubts?|doubtful": "suspected label error",
    r"besides?": "next to, in addition",
    r"alike": "similar, equally",
    r"likeness(es)?": "similarity, a similar image",
    r"pictures?|pictured": "image, thumbnail, figure or plot",
    r"split that (was|is) brought|brought|bring": "predefined split, import, add",
    r"tak(e|es|ing) (it |the pin )?back|taken back": "undo, unpin",
    r"look(s|ed|ing)? at": "inspect, use",
    r"what it is made of": "architecture",
    r"stands|stand (in|for|at|on|below|beside|there|behind)|stood": "is, is listed, represents",
    r"choices": "settings",
    r"kinds? of files?": "file kind",
    r"hidden kinds?": "hidden subclass",
    r"made[- ]up": "synthetic",
    r"check sums?": "checksum",
    r"anew": "again",
    r"mend(s|ed|ing)?": "fix",
    r"(is|are|was|were) not there( now| any more)?": "was not found",
    r"will be (shown|listed) here|stands? here": "No … yet, or Results appear here",
    r"leave about|leaves about": "create",
    r"without a network|no network": "offline",
}

# First words that docstrings of these Python files avoid.
DOCSTRING_OPENINGS: Mapping[str, str] = {"What": "a noun phrase, such as The results of a search"}
