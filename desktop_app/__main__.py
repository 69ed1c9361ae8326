"""Start the window: ``coreset-studio [FOLDER or PROJECT]``; with ``--self-test FILE`` have it check itself.

Nothing heavy is imported here, since engine processes of a frozen program come this way too.
"""

import gc
import multiprocessing
import sys


def main() -> int:
    """Run the application; in an engine process of a frozen program, serve the engine instead."""
    multiprocessing.freeze_support()
    if "--self-test" in sys.argv:
        from coreset_studio.desktop_app.self_test import run
    else:
        # A tenth of the imports' time would go into looking for garbage; the application collects it from then on.
        gc.disable()
        from coreset_studio.desktop_app.application import run
    return run()


if __name__ == "__main__":
    sys.exit(main())
