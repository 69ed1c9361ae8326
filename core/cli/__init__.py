"""The command line: `coreset COMMAND …`, one thin command over each function of the pipeline."""

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `coreset` with `arguments` and return its exit code.

    0 done, 1 it differs, there is not enough memory or an unexpected error occurred, 2 bad input, 130 cancelled. No
    error leaves it: one that was not raised on purpose becomes a sentence, and its details a file that the sentence
    names.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process. This process is then the command, and what ends it without a word of Python,
        such as a file of the cache that is cut while it is read, is reported too; see `core.cli.crash_watch`.
    """
    if arguments is None:
        from coreset_studio.core.cli import crash_watch

        # Before anything else is imported, while the process is small and has one thread.
        crash_watch.start()
    from coreset_studio.core.cli.program import run

    return run(arguments)
