"""What is said of a process that ended without a last word, by its exit code on each system."""

import signal
from pathlib import Path

import pytest

from coreset_studio.core.endings import how_it_died, process_died

KEPT = "Finished work is kept; run the step again"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (0xC0000005, f"The engine process crashed (access violation, 0xC0000005). {KEPT}."),
        (0xC0000005 - 2**32, f"The engine process crashed (access violation, 0xC0000005). {KEPT}."),
        (
            0xC000001D,
            ("The engine process crashed, because the processor lacks an instruction that it requires (illegal "
            "instruction, 0xC000001D). Finished work is kept. TensorFlow requires a processor with AVX; without, use "
            "extractors and networks that do not require TensorFlow, such as colour-texture and the linear probe."),
        ),
        (
            0xC0000017,
            (f"The engine process ended because memory ran out (no memory, 0xC0000017). {KEPT}, with other programs "
            "closed, or with fewer images or extractors."),
        ),
        (
            0xC0000135,
            ("The engine process could not start, because a library of the system is missing (DLL not found, "
            "0xC0000135). Install the Visual C++ Redistributable of Microsoft (x64), and start the program again."),
        ),
        (0xC0000409, f"The engine process stopped itself (abort, 0xC0000409). {KEPT}."),
        (0xC0000420, f"The engine process ended unexpectedly (exception, 0xC0000420). {KEPT}."),
        (
            0x40010004,
            f"The engine process was ended by the system, as when it shuts down (terminated, 0x40010004). {KEPT}.",
        ),
        (3, f"The engine process ended unexpectedly (exit code 3). {KEPT}."),
        (None, f"The engine process ended unexpectedly (exit code None). {KEPT}."),
        (-9, (f"The engine process was killed (SIGKILL), often because memory ran out. {KEPT}, with fewer images or "
             "extractors if necessary.")),
    ],
)  # fmt: skip
def test_the_exit_code_becomes_a_sentence(code: int | None, sentence: str) -> None:
    assert process_died(code) == sentence


def test_a_file_that_windows_could_not_read_is_said_as_elsewhere() -> None:
    said = how_it_died(0xC0000006, Path("cache"))
    assert said == (
        "The engine process crashed (0xC0000006), because a file that it was reading was truncated or its disk failed, "
        "probably one in the cache folder cache."
    )
    assert process_died(0xC0000006).endswith(
        "to recompute damaged files, and check whether the disk is full or failing."
    )


@pytest.mark.skipif(not hasattr(signal, "SIGBUS"), reason="Windows has no such signal")
def test_signals_are_named() -> None:
    assert how_it_died(-signal.SIGSEGV) == "The engine process crashed (SIGSEGV)."
    assert how_it_died(-signal.SIGBUS).startswith("The engine process crashed (SIGBUS), because a file")
    assert "AVX" in process_died(-signal.SIGILL)
