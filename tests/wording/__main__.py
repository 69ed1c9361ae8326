"""Reject words to avoid in text for users: part of `make lint`.

    python -m tests.wording

The words and the files are in `tests/wording/words.py`, their reasons in `CONTEXT.md`. Exit code 1 if a word is found.
"""

import sys
from pathlib import Path

from tests.wording.check import messages

if __name__ == "__main__":
    found = messages(Path(__file__).resolve().parents[2])
    print("\n".join(found) or "Wording: no words to avoid.")
    sys.exit(1 if found else 0)
