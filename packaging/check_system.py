"""Say whether the program can be installed on this system at all, before pip fails with a long list of versions.

`python packaging/check_system.py` prints a sentence and ends with 1 if it cannot.
"""

import platform
import sys

MACOS = (14, 0)
"""The oldest macOS that all pinned packages have wheels for; `packaging/check_pins.py` tells."""
GLIBC = (2, 34)
"""The oldest glibc, likewise: that of Ubuntu 22.04, Debian 12 and RHEL 9."""


def why_not(system: str, machine: str, version: str = "") -> str:
    """Return why the program cannot be installed, or an empty text.

    Parameters
    ----------
    system : str
        As `sys.platform`.
    machine : str
        As `platform.machine`, which is that of Python: Python for Intel runs on Apple silicon, too.
    version : str
        That of macOS, or of glibc on Linux; empty if it is not known.
    """
    if system == "darwin" and machine != "arm64":
        return (
            f"This Python is for {machine}; expected arm64, because TensorFlow has no packages for Intel Macs. On a "
            "Mac with Apple silicon, install Python for it, such as by the universal installer of python.org, and call "
            "make again. On an Intel Mac the program cannot be installed."
        )
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if system == "darwin" and numbers and numbers < MACOS:
        return (
            f"This is macOS {version}; expected {MACOS[0]} or later, because NumPy, SciPy and ONNX Runtime have no "
            "packages for earlier versions. Update macOS and call make again."
        )
    if system == "linux" and numbers and numbers < GLIBC:
        return (
            f"This system has glibc {version}; expected {'.'.join(map(str, GLIBC))} or later, because PySide6 has no "
            "packages for earlier versions. Use a newer system, such as Ubuntu 22.04, Debian 12 or RHEL 9."
        )
    if system == "win32" and machine == "ARM64":
        return (
            "This Python is for ARM64; expected AMD64, because TensorFlow has no packages for Windows on ARM. Install "
            "the 64-bit Python for x64, which also runs there, and call it again."
        )
    return ""


def here() -> str:
    """Return why the program cannot be installed on this system, or an empty text."""
    version = platform.libc_ver()[1] if sys.platform == "linux" else platform.mac_ver()[0]
    return why_not(sys.platform, platform.machine(), version)


def main() -> int:
    """Print the sentence for this system, if there is one."""
    reason = here()
    if reason:
        print(reason, file=sys.stderr)
    return int(bool(reason))


if __name__ == "__main__":
    sys.exit(main())
