"""The .deb on a machine that has nothing: a minimal Debian without Python, without Qt, without a network.

Wants root, debootstrap, unshare, Xvfb and a package mirror that apt is set up with. The virtual screen runs outside of
the minimal system, which sees only its Unix socket: every library that the program needs must come from the .deb or
from what it declares.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coreset_studio.core.version import __version__

ROOT = Path(__file__).resolve().parents[2]
DEB = ROOT / "dist" / f"coreset-studio_{__version__}_amd64.deb"
TOOLS = ("debootstrap", "unshare", "Xvfb", "strace", "chroot")
DISPLAY = ":97"

pytestmark = [
    pytest.mark.frozen,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a .deb is for Debian"),
    pytest.mark.skipif(not DEB.is_file(), reason="no .deb was built; call `make package` first"),
    pytest.mark.skipif(sys.platform.startswith("linux") and os.geteuid() != 0, reason="wants root"),
    pytest.mark.skipif(any(shutil.which(tool) is None for tool in TOOLS), reason=f"wants {', '.join(TOOLS)}"),
]


def run(*command: str, **more: object) -> subprocess.CompletedProcess[str]:
    """Run a command and show what it said where it failed."""
    answer = subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert answer.returncode == 0, f"{' '.join(command)}\n{answer.stdout[-3000:]}\n{answer.stderr[-3000:]}"
    return answer  # type: ignore[no-any-return]


def mirror() -> tuple[str, str]:
    """Return the suite and the address of Debian's mirror that apt is set up with."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = release.get("VERSION_CODENAME", "bookworm").strip('"')
    answer = run("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    found = [line.split()[0] for line in answer.stdout.splitlines() if line.split()[1:] == [suite, "main"]]
    assert found, f"apt has no mirror of {suite}: {answer.stdout}"
    return suite, found[0]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the root of a minimal Debian with the .deb installed."""
    place = tmp_path_factory.mktemp("clean") / "root"
    suite, address = mirror()
    run("debootstrap", "--variant=minbase", suite, str(place), address)
    # debootstrap has written the mirror; how to reach it (a proxy, say) stands in apt's own settings.
    shutil.copytree("/etc/apt/apt.conf.d", place / "etc/apt/apt.conf.d", dirs_exist_ok=True)
    if Path("/etc/resolv.conf").exists():
        shutil.copy("/etc/resolv.conf", place / "etc/resolv.conf")
    assert not (place / "usr/bin/python3").exists()
    shutil.copy(DEB, place / "coreset-studio.deb")
    (place / "dev/shm").mkdir(exist_ok=True)
    mounts = [("proc", "proc"), ("tmpfs", "dev/shm"), ("tmpfs", "tmp")]
    for kind, where in mounts:
        run("mount", "-t", kind, kind, str(place / where))
    try:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("chroot", str(place), "apt-get", "update", "-qq", env=environment)
        run(
            "chroot", str(place), "apt-get", "install", "-y", "-qq", "--no-install-recommends", "/coreset-studio.deb",
            env=environment,
        )  # fmt: skip
        (place / "coreset-studio.deb").unlink()
        yield place
    finally:
        for _, where in reversed(mounts):
            subprocess.run(["umount", "-l", str(place / where)], check=False)


def inside(clean: Path, trace: Path, *command: str, screen: bool) -> subprocess.CompletedProcess[str]:
    """Run a command in the clean system without a network, every socket call traced."""
    (clean / "tmp/.X11-unix").mkdir(exist_ok=True)
    start_screen = ""
    if screen:
        start_screen = (
            f"Xvfb {DISPLAY} -screen 0 1280x800x24 -nolisten tcp >/dev/null 2>&1 & screen=$!; "
            f"for i in $(seq 100); do [ -S /tmp/.X11-unix/X{DISPLAY[1:]} ] && break; sleep 0.1; done; "
            f"mount --bind /tmp/.X11-unix {clean}/tmp/.X11-unix; "
        )
    words = " ".join(f"'{word}'" for word in command)
    bare = f"/usr/bin/env -i HOME=/srv PATH=/usr/bin:/bin DISPLAY={DISPLAY} LANG=C.UTF-8"
    script = (
        f"{start_screen} strace -f --seccomp-bpf -e trace=socket -o {trace} "
        f"chroot {clean} {bare} {words}; code=$?; "
        + (f"umount {clean}/tmp/.X11-unix; kill $screen; " if screen else "")
        + "exit $code"
    )
    return subprocess.run(
        ["unshare", "-n", "-m", "sh", "-c", script], capture_output=True, text=True, check=False, timeout=2000
    )


def inet_sockets(trace: Path) -> list[str]:
    """Return the traced calls that opened an internet socket."""
    return [line for line in trace.read_text(errors="replace").splitlines() if "AF_INET" in line]


def test_no_library_is_missing(clean: Path) -> None:
    """Everything that the program's own libraries link to is found."""
    script = (
        "cd /opt/coreset-studio/_internal && "
        "export LD_LIBRARY_PATH=$PWD:$PWD/PySide6/Qt/lib && "
        "find PySide6 tensorflow numpy* scipy* sklearn cv2 -name '*.so*' -type f | while read file; do "
        """ldd "$file" 2>/dev/null | grep 'not found' | sed "s|^|$file|"; done"""
    )
    found = subprocess.run(["chroot", str(clean), "sh", "-c", script], capture_output=True, text=True, check=False)
    # Wayland and touch-screen plugins of Qt are optional: Qt passes over a plugin that cannot be loaded.
    lines = [line for line in found.stdout.splitlines() if not re.search("wayland|egl_device|tuio|evdev", line.lower())]
    print("\n".join(lines[:40]))
    assert [line for line in lines if "libq" not in line.split(".so")[0]] == []


def test_the_command_line_works_there(clean: Path, tmp_path: Path) -> None:
    answer = inside(
        clean, tmp_path / "trace", "/usr/bin/coreset", "demo", "--out", "/srv/demo", "--images", "60", "--epochs", "1",
        screen=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-3000:]
    assert (clean / "srv/demo/report.html").is_file()
    assert inet_sockets(tmp_path / "trace") == []


def test_the_window_works_there_and_opens_no_internet_socket(clean: Path, tmp_path: Path) -> None:
    answer = inside(clean, tmp_path / "trace", "/usr/bin/coreset-studio", "--self-test", "/srv/seen.json", screen=True)
    file = clean / "srv/seen.json"
    assert file.is_file(), answer.stderr[-3000:]
    seen = json.loads(file.read_text(encoding="utf-8"))
    print(json.dumps(seen, indent=1))
    assert seen["ok"], seen
    assert inet_sockets(tmp_path / "trace") == []
    processes = {line.split()[0] for line in (tmp_path / "trace").read_text().splitlines()}
    assert len(processes) > 1, "engine processes were traced too"


def test_it_can_be_removed_again(clean: Path) -> None:
    assert (clean / "usr/share/applications/coreset-studio.desktop").is_file()
    assert (clean / "usr/share/mime/packages/coreset-studio.xml").is_file()
    assert (clean / "usr/share/man/man1/coreset.1.gz").is_file()
    run("chroot", str(clean), "apt-get", "remove", "-y", "-qq", "coreset-studio")
    for left in ("opt/coreset-studio", "usr/bin/coreset", "usr/share/applications/coreset-studio.desktop"):
        assert not (clean / left).exists()
