"""What `make run` and `make test` do once the set-up is there: look at the machine, then start the right thing."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Debian's and Ubuntu's package for each library that Qt's platform plugins want beyond a minimal system.
DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libgomp.so.1": "libgomp1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
}


def missing_libraries() -> list[str]:
    """Return the system libraries that Qt's window needs and this machine lacks (Linux; elsewhere none)."""
    if not sys.platform.startswith("linux"):
        return []
    import PySide6

    qt = Path(PySide6.__path__[0])
    wanted = [
        *qt.glob("QtCore.*.so"),
        *qt.glob("QtGui.*.so"),
        *qt.glob("QtWidgets.*.so"),
        *qt.glob("QtSvg.*.so"),
        *(qt / "Qt" / "plugins" / "platforms").glob("libq[xo]*.so"),
    ]
    missing = set()
    for library in wanted:
        answer = subprocess.run(["ldd", str(library)], capture_output=True, text=True, check=False)
        missing |= {line.split()[0] for line in answer.stdout.splitlines() if line.endswith("not found")}
    return sorted(missing)


def how_to_install(missing: list[str]) -> str:
    """Return two lines: which libraries are missing, and the one command that installs them."""
    packages = sorted({DEBIAN_PACKAGES.get(name, name) for name in missing})
    return (
        f"The window needs system libraries that are not here: {', '.join(missing)}.\n"
        f"On Debian and Ubuntu this installs them: sudo apt-get install -y {' '.join(packages)}"
    )


def has_display() -> bool:
    """Return whether a window can be opened here."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM"))


def run() -> int:
    """Open the window on the demo, or run the same pipeline without one."""
    missing = missing_libraries()
    if missing:
        print(how_to_install(missing))
    elif has_display():
        return subprocess.call([sys.executable, "-m", "coreset_studio.desktop_app", "--demo"], cwd=ROOT)
    else:
        print("There is no display here, so no window can be opened.")
    print("The demo runs without a window instead; its report will lie in out/demo.")
    command = [sys.executable, "-m", "coreset_studio.core.cli", "demo", "--out", "out/demo", "--overwrite"]
    return subprocess.call(command, cwd=ROOT)


def test() -> int:
    """Run the quick tests; those of the window only where Qt's libraries are."""
    command = [sys.executable, "-m", "pytest", "-m", "not slow and not frozen", "-q", "-n", "2"]
    missing = missing_libraries()
    if missing:
        print(how_to_install(missing))
        print("The tests of the window are left out until then; all others run.")
        command += ["-p", "no:pytest-qt", "-o", "addopts=--strict-markers -ra --import-mode=importlib"]
        command += [
            "-W",
            "ignore::pytest.PytestConfigWarning",
            "--ignore=tests/desktop_app",
            "--ignore=tests/integration/window",
        ]
    # Tests start many processes, each of which would compile the program again where Python writes no bytecode.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / ".venv" / "bytecode"))
    return subprocess.call(command, cwd=ROOT, env=environment)


if __name__ == "__main__":
    sys.exit(test() if "--test" in sys.argv[1:] else run())
