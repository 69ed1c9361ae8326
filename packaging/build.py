"""Build the standalone program and, on Linux, its .tar.gz and .deb: `python packaging/build.py`.

On macOS the program that users get is dist/Coreset Studio.app, made from the same folder; not run on macOS.

The weights that lie in resources/weights go in; packaging/fetch_weights.py fills it. A build without any works
as well. The frozen folder is dist/coreset-studio; the installers lie in dist/ with a SHA256SUMS file.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
FOLDER = DIST / "coreset-studio"
APP = DIST / "Coreset Studio.app"

INSTALLED = ROOT / "build" / "installed"

sys.path.insert(0, str(ROOT / "packaging"))
from check_system import here as why_not_here  # noqa: E402

from coreset_studio.core.version import __version__  # noqa: E402


def size_of(folder: Path) -> int:
    """Return the bytes that the files of a folder take; a file of several names counts once."""
    sizes = {}
    for file in folder.rglob("*"):
        facts = file.lstat()
        if file.is_file() and not file.is_symlink():
            sizes[facts.st_dev, facts.st_ino] = facts.st_size
    return sum(sizes.values())


def make_icons() -> None:
    """Write the program's icon as Windows and macOS want it into build/icons, from the PNG files of resources."""
    from PIL import Image

    target = ROOT / "build" / "icons"
    target.mkdir(parents=True, exist_ok=True)
    drawn = {int(file.stem.rsplit("-", 1)[1]): file for file in (ROOT / "resources/icons").glob("coreset-studio-*.png")}
    with Image.open(drawn[max(drawn)]) as largest:
        sides = [(side, side) for side in sorted(drawn) if side <= 256]
        largest.save(target / "coreset-studio.ico", sizes=sides)
        largest.save(target / "coreset-studio.icns")


def make_version_files() -> None:
    """Write what Windows shows as properties of the two programs into build/version, as PyInstaller reads it."""
    target = ROOT / "build" / "version"
    target.mkdir(parents=True, exist_ok=True)
    numbers = (*map(int, re.findall(r"\d+", __version__)[:3]), 0, 0, 0)[:4]
    for name, words in (("coreset-studio", "Coreset Studio"), ("coreset", "Coreset Studio (command line)")):
        texts = {
            "CompanyName": "The developers of Coreset Studio",
            "FileDescription": words,
            "FileVersion": __version__,
            "InternalName": name,
            "LegalCopyright": "GPL-3.0-or-later",
            "OriginalFilename": f"{name}.exe",
            "ProductName": "Coreset Studio",
            "ProductVersion": __version__,
        }
        strings = ", ".join(f"StringStruct({key!r}, {text!r})" for key, text in texts.items())
        # English of the United States, in Unicode.
        (target / f"{name}.txt").write_text(
            f"VSVersionInfo(ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3f, flags=0, OS=0x40004, "
            f"fileType=0x1, subtype=0x0, date=(0, 0)), kids=[StringFileInfo([StringTable('040904B0', [{strings}])]), "
            "VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n",
            encoding="utf-8",
        )


def install() -> None:
    """Install the program from its wheel into a folder of its own, from which it is frozen.

    A module or resource that is missing from the wheel is then missing here too, and an import that works only from the
    root of a checkout fails.
    """
    # setuptools leaves files there that the next wheel would contain.
    for name in ("lib", "installed"):
        shutil.rmtree(ROOT / "build" / name, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--no-build-isolation", "--no-warn-script-location", "--target", str(INSTALLED), str(ROOT)],
        check=True,
    )  # fmt: skip
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)


def freeze() -> None:
    """Run PyInstaller."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    install()
    make_icons()
    make_version_files()
    subprocess.run(
        [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "--distpath", str(DIST),
         "--workpath", str(ROOT / "build"), str(ROOT / "packaging" / "coreset-studio.spec")],
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(INSTALLED), "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip


def strip_symbols() -> None:
    """Take symbol tables out of the large libraries (Linux); what the loader needs stays."""
    if not sys.platform.startswith("linux") or not shutil.which("strip"):
        return
    for library in (FOLDER / "_internal").rglob("*.so*"):
        # Libraries patched after linking (auditwheel) can break when stripped; the gain is TensorFlow's.
        place = str(library.relative_to(FOLDER / "_internal"))
        if library.is_symlink() or not ("tensorflow" in place or place.startswith("libpython")):
            continue
        subprocess.run(["strip", "--strip-unneeded", str(library)], check=False, stderr=subprocess.DEVNULL)


def share_executable() -> None:
    """On Linux let both programs be one file of two names: they differ in nothing but the name."""
    if sys.platform.startswith("linux"):
        (FOLDER / "coreset").unlink()
        (FOLDER / "coreset").hardlink_to(FOLDER / "coreset-studio")


def collect_licences() -> int:
    """Copy the licence texts of everything bundled beside the program; return how many packages there are."""
    from importlib.metadata import distributions

    target = FOLDER / "licences"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "LICENSE", target / "coreset-studio-GPL-3.0.txt")
    internal = FOLDER / "_internal"
    bundled = {p.name.lower().split(".")[0] for p in internal.iterdir()} | {
        "pyqtgraph",
        "cattrs",
        "platformdirs",
        "jinja2",
        "openpyxl",
        "et_xmlfile",
        "optuna",
        "colorlog",
        "tqdm",
        "packaging",
        "tf2onnx",
    }
    count = 0
    for distribution in distributions():
        name = str(distribution.metadata["Name"])
        tops = {
            str(f).split("/")[0].split(".")[0].lower() for f in distribution.files or () if ".dist-info" not in str(f)
        }
        pure = name.lower().replace("-", "_") in bundled or bool(tops & bundled)
        texts = [
            f
            for f in distribution.files or ()
            if ".dist-info" in str(f) and any(w in f.name.upper() for w in ("LICENSE", "LICENCE", "COPYING", "NOTICE"))
        ]
        if not pure or not texts:
            continue
        count += 1
        for text in texts:
            source = Path(str(distribution.locate_file(text)))
            if source.is_file():
                shutil.copy(source, target / f"{name}-{source.name}")
    return count


def programs(system: str = sys.platform) -> Path:
    """Return the folder of the built programs `coreset-studio` and `coreset` that users get on a system."""
    return APP / "Contents" / "MacOS" if system == "darwin" else FOLDER


def complete_app() -> None:
    """Put the licences into the .app and sign it again (macOS), since PyInstaller signed it without them.

    Apple silicon starts nothing that is unsigned. `-` stands for a signature without an identity; make_dmg.sh replaces
    it where there is one.
    """
    if sys.platform != "darwin":
        return
    shutil.copytree(FOLDER / "licences", APP / "Contents" / "Resources" / "licences", dirs_exist_ok=True)
    entitlements = ROOT / "packaging" / "macos" / "entitlements.plist"
    command = ["codesign", "--force", "--deep", "--sign", "-", "--entitlements", str(entitlements), str(APP)]
    subprocess.run(command, check=True)
    subprocess.run(["codesign", "--verify", "--deep", "--strict", str(APP)], check=True)


def make_tar() -> Path:
    """Pack the folder so that it runs in place."""
    file = DIST / f"coreset-studio-{__version__}-linux-x86_64.tar.gz"
    with tarfile.open(file, "w:gz", compresslevel=6) as archive:
        archive.add(FOLDER, arcname=f"coreset-studio-{__version__}")
    return file


def write_sums(files: list[Path]) -> None:
    """Write SHA256SUMS."""
    lines = []
    for file in files:
        with file.open("rb") as stream:
            lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {file.name}\n")
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


def main() -> int:
    """Build everything this system can build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only-folder", action="store_true", help="freeze, but make no installers")
    options = parser.parse_args()
    reason = why_not_here()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    started = time.perf_counter()
    freeze()
    before = size_of(FOLDER)
    strip_symbols()
    share_executable()
    packages = collect_licences()
    complete_app()
    print(
        f"folder: {before / 1e6:,.0f} MB frozen, {size_of(FOLDER) / 1e6:,.0f} MB stripped; "
        f"licences of {packages} packages"
    )
    files = []
    if not options.only_folder and sys.platform.startswith("linux"):
        sys.path.insert(0, str(ROOT / "packaging" / "linux"))
        from deb import make_deb

        files = [make_tar(), make_deb(FOLDER, DIST, ROOT)]
        write_sums(files)
    for file in files:
        print(f"{file.name}: {file.stat().st_size / 1e6:,.0f} MB")
    print(f"built in {time.perf_counter() - started:,.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
