"""Make the .deb from the frozen folder: menu entry, icon, file association, man page, clean removal."""

import gzip
import mmap
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

CONTROL = """\
Package: coreset-studio
Version: {version}
Architecture: amd64
Maintainer: The developers of Coreset Studio <developers@coreset.studio>
Installed-Size: {kilobytes}
Depends: {depends}
Section: science
Priority: optional
Description: choose a small, diverse training subset of labelled images
 Opens a folder of labelled biomedical images, shows how diverse each class is
 inside, chooses a small training subset (a coreset) that keeps that diversity,
 trains networks on it and on random ones, and says honestly what it costs in
 accuracy. Works without a network and without Python.
"""

# What Qt's X11 platform plugin and the bundled libraries load from the system. Everything else is inside.
DEPENDS = (
    "libgl1", "libegl1", "libopengl0", "libx11-6", "libx11-xcb1", "libxcb1", "libxcb-cursor0",
    "libxcb-icccm4", "libxcb-image0", "libxcb-keysyms1", "libxcb-randr0", "libxcb-render0", "libxcb-render-util0",
    "libxcb-shape0", "libxcb-shm0", "libxcb-sync1", "libxcb-xfixes0", "libxcb-xinerama0", "libxcb-xkb1",
    "libxkbcommon0", "libxkbcommon-x11-0", "libdbus-1-3", "libfontconfig1", "libfreetype6",
    "fonts-dejavu-core | fonts-liberation | fonts-noto-core", "shared-mime-info",
)  # fmt: skip

AFTER_CHANGE = """\
#!/bin/sh
set -e
have() { command -v "$1" >/dev/null 2>&1; }
if have update-desktop-database; then update-desktop-database -q /usr/share/applications || true; fi
if have update-mime-database; then update-mime-database /usr/share/mime || true; fi
if have gtk-update-icon-cache; then gtk-update-icon-cache -q -f /usr/share/icons/hicolor || true; fi
exit 0
"""


_ELF = b"\x7fELF"
_GLIBC = re.compile(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)")


def oldest_glibc(folder: Path) -> str:
    """Return the glibc that the programs and libraries of a folder require, such as ``2.35``.

    It is that of the system on which they were built, or that of a wheel; with an older one they do not start. Each
    file lists the versions of the symbols that it uses.
    """
    newest = (2, 17)
    for file in folder.rglob("*"):
        if file.is_symlink() or not file.is_file() or file.stat().st_size < len(_ELF):
            continue
        with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content[: len(_ELF)] == _ELF:
                newest = max([newest, *((int(found[1]), int(found[2])) for found in _GLIBC.finditer(content))])
    return f"{newest[0]}.{newest[1]}"


def make_deb(folder: Path, target: Path, root: Path) -> Path:
    """Build the package of `folder` in `target` and return its file.

    Raises
    ------
    RuntimeError
        If dpkg-deb is not here.
    """
    if not shutil.which("dpkg-deb"):
        raise RuntimeError("dpkg-deb is not here; on Debian and Ubuntu: apt-get install dpkg")
    sys.path.insert(0, str(root))
    from coreset_studio.core.version import __version__

    tree = root / "build" / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    place = tree / "opt" / "coreset-studio"
    place.parent.mkdir(parents=True)
    # Hard links where possible: the folder is over a gigabyte.
    shutil.copytree(folder, place, symlinks=True, copy_function=_link)
    for program in ("coreset-studio", "coreset"):
        link = tree / "usr" / "bin" / program
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/opt/coreset-studio/{program}")
    _put(HERE / "coreset-studio.desktop", tree / "usr/share/applications/coreset-studio.desktop")
    _put(HERE / "coreset-project.xml", tree / "usr/share/mime/packages/coreset-studio.xml")
    icons = root / "resources" / "icons"
    if (icons / "coreset-studio.svg").is_file():
        _put(icons / "coreset-studio.svg", tree / "usr/share/icons/hicolor/scalable/apps/coreset-studio.svg")
    for png in icons.glob("coreset-studio-*.png"):
        side = png.stem.rsplit("-", 1)[1]
        _put(png, tree / f"usr/share/icons/hicolor/{side}x{side}/apps/coreset-studio.png")
    manual = tree / "usr/share/man/man1"
    manual.mkdir(parents=True)
    for page in HERE.glob("*.1"):
        (manual / f"{page.name}.gz").write_bytes(gzip.compress(page.read_bytes(), mtime=0))
    _put(root / "LICENSE", tree / "usr/share/doc/coreset-studio/copyright")
    control = tree / "DEBIAN"
    control.mkdir()
    kilobytes = sum(f.lstat().st_size for f in tree.rglob("*") if f.is_file() and not f.is_symlink()) // 1024
    depends = (f"libc6 (>= {oldest_glibc(folder)})", *DEPENDS)
    text = CONTROL.format(version=__version__, kilobytes=kilobytes, depends=", ".join(depends))
    (control / "control").write_text(text, encoding="ascii")
    for script in ("postinst", "postrm"):
        file = control / script
        file.write_text(AFTER_CHANGE, encoding="ascii")
        file.chmod(0o755)
    file = target / f"coreset-studio_{__version__}_amd64.deb"
    # xz, not zstd: a fifth smaller here, and every dpkg reads it.
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", str(tree), str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return file


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    target.chmod(0o644)
