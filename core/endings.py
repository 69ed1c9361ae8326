"""Sentences for processes that ended unexpectedly. It imports hardly anything, because it must be fast."""

import signal
from pathlib import Path

ACCESS_VIOLATION, READING_FAILED, NO_MEMORY, NO_COMMIT = 0xC0000005, 0xC0000006, 0xC0000017, 0xC000012D
ILLEGAL_INSTRUCTION, STACK_OVERFLOW, NO_LIBRARY, CANNOT_START = 0xC000001D, 0xC00000FD, 0xC0000135, 0xC0000142
HEAP_DAMAGED, FAILED_FAST, CONTROL_C, SHUT_DOWN = 0xC0000374, 0xC0000409, 0xC000013A, 0x40010004

WINDOWS = {
    ACCESS_VIOLATION: "crashed (access violation",
    ILLEGAL_INSTRUCTION: "crashed, because the processor lacks an instruction that it requires (illegal instruction",
    STACK_OVERFLOW: "crashed (stack overflow",
    HEAP_DAMAGED: "crashed (heap corruption",
    FAILED_FAST: "stopped itself (abort",
    NO_MEMORY: "ended because memory ran out (no memory",
    NO_COMMIT: "ended because memory ran out (commitment limit",
    NO_LIBRARY: "could not start, because a library of the system is missing (DLL not found",
    CANNOT_START: "could not start, because a library of the system failed (DLL initialization failed",
    CONTROL_C: "was ended by Ctrl+C or by closing its console (Ctrl+C",
    SHUT_DOWN: "was ended by the system, as when it shuts down (terminated",
}
"""How a process of Windows ended, by its exit code (NTSTATUS); the code follows in the brackets."""


def process_died(
    exit_code: int | None, cache_folder: Path | None = None, *, what: str = "engine process", again: str = "step"
) -> str:
    """Return a sentence for an engine process that ended without an answer, and what to do.

    Parameters
    ----------
    exit_code : int or None
        Negative: the number of a signal. On Windows the code of an exception, such as 0xC0000005.
    cache_folder : Path, optional
        The cache that it worked with.
    what, again : str
        The process that ended, and what to run again.
    """
    return f"{how_it_died(exit_code, cache_folder, what)} {_advice(exit_code, again)}."


def _advice(exit_code: int | None, again: str) -> str:
    status = _status(exit_code)
    if status == ILLEGAL_INSTRUCTION or _is_signal(exit_code, "SIGILL"):
        return (
            "Finished work is kept. TensorFlow requires a processor with AVX; without, use extractors and networks "
            "that do not require TensorFlow, such as colour-texture and the linear probe"
        )
    if status in (NO_LIBRARY, CANNOT_START):
        return "Install the Visual C++ Redistributable of Microsoft (x64), and start the program again"
    advice = f"Finished work is kept; run the {again} again"
    if status in (NO_MEMORY, NO_COMMIT):
        return f"{advice}, with other programs closed, or with fewer images or extractors"
    if exit_code == -getattr(signal, "SIGKILL", 9):
        return f"{advice}, with fewer images or extractors if necessary"
    if _is_reading_error(exit_code):
        return f"{advice} to recompute damaged files, and check whether the disk is full or failing"
    return advice


def how_it_died(exit_code: int | None, cache_folder: Path | None = None, what: str = "engine process") -> str:
    """Return a sentence for how an engine process ended without an answer; see `process_died`."""
    status = _status(exit_code)
    if _is_reading_error(exit_code):
        which = f", probably one in the cache folder {cache_folder}" if cache_folder is not None else ""
        name = "SIGBUS" if status is None else f"0x{status:08X}"
        return (
            f"The {what} crashed ({name}), because a file that it was reading was truncated or its disk failed{which}."
        )
    if status is not None:
        return f"The {what} {WINDOWS.get(status, 'ended unexpectedly (exception')}, 0x{status:08X})."
    if exit_code is None or exit_code >= 0:
        return f"The {what} ended unexpectedly (exit code {exit_code})."
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    if name == "SIGKILL":
        return f"The {what} was killed (SIGKILL), often because memory ran out."
    if name == "SIGILL":
        return f"The {what} crashed, because the processor lacks an instruction that it requires (SIGILL)."
    return f"The {what} crashed ({name})."


def _status(exit_code: int | None) -> int | None:
    """Return an exit code of Windows that is no number of a program's own, as a positive number."""
    if exit_code is None or -0xFFFF < exit_code < SHUT_DOWN:
        return None
    return exit_code & 0xFFFFFFFF


def _is_signal(exit_code: int | None, name: str) -> bool:
    number = getattr(signal, name, None)
    return number is not None and exit_code == -number


def _is_reading_error(exit_code: int | None) -> bool:
    return _status(exit_code) == READING_FAILED or _is_signal(exit_code, "SIGBUS")
