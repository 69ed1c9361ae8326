"""What the macOS bundle would start, told from the Info.plist that PyInstaller's BUNDLE writes for the spec."""

import plistlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coreset_studio.core.version import __version__

ROOT = Path(__file__).resolve().parents[2]


class Step:
    """Stands for Analysis, PYZ, EXE and COLLECT: remembers what it was given."""

    def __init__(self, *given: Any, **options: Any) -> None:
        self.given, self.options = given, options
        self.binaries = self.datas = self.pure = self.scripts = []  # type: list[Any]


def info_plist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the spec as on macOS, with nothing collected, and let BUNDLE write its Info.plist into the folder."""
    hooks = pytest.importorskip("PyInstaller.utils.hooks")
    osx = pytest.importorskip("PyInstaller.building.osx")
    config = pytest.importorskip("PyInstaller.config")
    for name in ("collect_submodules", "collect_data_files", "copy_metadata"):
        monkeypatch.setattr(hooks, name, lambda *_, **__: [])
    bundles: list[dict[str, Any]] = []
    spec = ROOT / "packaging" / "coreset-studio.spec"
    names = dict.fromkeys(("Analysis", "PYZ", "EXE", "COLLECT"), Step)
    with monkeypatch.context() as macos:
        macos.setattr(sys, "platform", "darwin")
        code = compile(spec.read_text(encoding="utf-8"), str(spec), "exec")
        exec(code, {**names, "BUNDLE": lambda _, **given: bundles.append(given), "SPECPATH": str(spec.parent)})
    (given,) = bundles
    icon = folder / "icon.icns"
    icon.write_bytes(b"icns")
    for key in ("workpath", "specpath"):
        monkeypatch.setitem(config.CONF, key, str(folder / key))
    bundle = object.__new__(osx.BUNDLE)  # BUNDLE.__init__ does nothing outside macOS
    # In BUNDLE's table of contents `coreset` comes before `coreset-studio`, and it has a console.
    facts = SimpleNamespace(name=str(folder / "Coreset Studio.app"), icon=str(icon), toc=[], console=True)
    bundle.__dict__.update(vars(facts), appname="Coreset Studio", exename="coreset", tocbasename="bundle.toc")
    bundle.__dict__.update({key: given[key] for key in ("bundle_identifier", "version", "info_plist")})
    bundle.__dict__.update(codesign_identity=None, entitlements_file=None)
    bundle.assemble()
    with (folder / "Coreset Studio.app" / "Contents" / "Info.plist").open("rb") as file:
        written: dict[str, Any] = plistlib.load(file)
    return written


def test_the_application_starts_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = info_plist(tmp_path, monkeypatch)
    assert written["CFBundleExecutable"] == "coreset-studio"
    assert written["LSBackgroundOnly"] is False
    assert written["CFBundleDocumentTypes"][0]["CFBundleTypeExtensions"] == ["coreset"]
    assert written["CFBundleDocumentTypes"][0]["LSItemContentTypes"] == ["org.coreset-studio.project"]
    (declared,) = written["UTExportedTypeDeclarations"]
    assert declared["UTTypeIdentifier"] == "org.coreset-studio.project"
    assert declared["UTTypeTagSpecification"] == {"public.filename-extension": ["coreset"]}


def test_the_application_states_where_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without these keys it starts on older systems and on Intel, and ends there without a word."""
    written = info_plist(tmp_path, monkeypatch)
    assert written["LSMinimumSystemVersion"] == "14.0"
    assert written["LSArchitecturePriority"] == ["arm64"]
    assert written["CFBundleShortVersionString"] == __version__
    assert written["CFBundleIdentifier"] == "org.coreset-studio.app"
    assert written["NSHighResolutionCapable"] is True
