"""The command line's program once frozen."""

import sys
from multiprocessing import freeze_support

if __name__ == "__main__":
    freeze_support()
    from core.cli import main

    sys.exit(main())
