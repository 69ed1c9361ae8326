"""Start the window: ``coreset-studio [FOLDER or PROJECT]``.

Nothing heavy is imported here, since engine processes of a frozen program come this way too.
"""

import multiprocessing
import sys


def main() -> int:
    """Run the application; in an engine process of a frozen program, serve the engine instead."""
    multiprocessing.freeze_support()
    from desktop_app.application import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
