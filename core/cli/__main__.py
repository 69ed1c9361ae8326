"""Makes `python -m core.cli` equivalent to `coreset`."""

import sys
from multiprocessing import freeze_support

from core.cli import main

if __name__ == "__main__":
    freeze_support()
    sys.exit(main())
