"""Makes `python -m coreset_studio.core.cli` equivalent to `coreset`."""

import sys
from multiprocessing import freeze_support

from coreset_studio.core.cli import main

if __name__ == "__main__":
    freeze_support()
    sys.exit(main())
