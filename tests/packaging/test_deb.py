"""What the .deb declares that it requires is what is in it."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a .deb is for Debian")


@pytest.fixture
def deb() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deb", ROOT / "packaging" / "linux" / "deb.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fill(folder: Path) -> None:
    """Write libraries that require glibc 2.9 and 2.36, and a text that names a newer one."""
    (folder / "_internal").mkdir(parents=True)
    (folder / "_internal" / "old.so").write_bytes(b"\x7fELF..\0GLIBC_2.9\0")
    (folder / "coreset").write_bytes(b"\x7fELF..\0GLIBC_2.2.5\0GLIBC_2.36\0")
    (folder / "_internal" / "notes.txt").write_bytes(b"\0GLIBC_2.99\0")
    (folder / "_internal" / "empty.so").touch()


def test_the_newest_glibc_of_any_library_is_required(deb: ModuleType, tmp_path: Path) -> None:
    fill(tmp_path / "built")
    assert deb.oldest_glibc(tmp_path / "built") == "2.36"


def test_a_real_library_is_read(deb: ModuleType, tmp_path: Path) -> None:
    """Qt's wheel is for glibc 2.34, which its name states."""
    import PySide6

    (tmp_path / "copy").mkdir()
    shutil.copy(Path(PySide6.__path__[0]) / "Qt" / "lib" / "libQt6Core.so.6", tmp_path / "copy")
    assert deb.oldest_glibc(tmp_path / "copy") == "2.34"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb")
def test_the_package_declares_it(deb: ModuleType, tmp_path: Path) -> None:
    """Else it would be installed on a system on which it cannot start."""
    fill(tmp_path / "built")
    for name in ("resources", "core"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "LICENSE", tmp_path / "LICENSE")
    (tmp_path / "dist").mkdir()
    file = deb.make_deb(tmp_path / "built", tmp_path / "dist", tmp_path)
    answer = subprocess.run(["dpkg-deb", "--field", str(file), "Depends"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("libc6 (>= 2.36), libgl1, ")
