"""What is put into the macOS program and its .dmg, with stand-ins for Apple's tools. Not run on macOS."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build script, with its results in a folder of the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("build_script", ROOT / "packaging" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, place in (("DIST", "dist"), ("FOLDER", "dist/coreset-studio"), ("APP", "dist/Coreset Studio.app")):
        monkeypatch.setattr(module, name, tmp_path / place)
    (tmp_path / "dist" / "coreset-studio" / "licences").mkdir(parents=True)
    (tmp_path / "dist" / "coreset-studio" / "licences" / "keras-LICENSE").write_text("Apache 2.0")
    (tmp_path / "dist" / "Coreset Studio.app" / "Contents" / "MacOS").mkdir(parents=True)
    return module


def test_the_app_holds_the_licences_and_is_signed_after(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    signed: list[tuple[list[str], bool]] = []
    licence = build.APP / "Contents" / "Resources" / "licences" / "keras-LICENSE"
    monkeypatch.setattr(build.subprocess, "run", lambda command, **_: signed.append((command, licence.is_file())))
    build.complete_app()
    assert (signed, licence.exists()) == ([], False)  # elsewhere there is none
    monkeypatch.setattr(sys, "platform", "darwin")
    build.complete_app()
    assert licence.read_text() == "Apache 2.0"
    (sign, had_licence), (check, _) = signed
    assert sign[:5] == ["codesign", "--force", "--deep", "--sign", "-"]
    assert sign[-1] == check[-1] == str(build.APP)
    assert had_licence


def test_what_users_get_is_what_is_tried(build: ModuleType) -> None:
    assert build.programs("darwin") == build.APP / "Contents" / "MacOS"
    assert build.programs("linux") == build.programs("win32") == build.FOLDER


def make_image(build: ModuleType, tmp_path: Path, machine: str) -> subprocess.CompletedProcess[str]:
    """Run make_dmg.sh with stand-ins for Apple's tools; the image is a folder then."""
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    stand_ins = {
        "uname": f"echo {machine}",
        "hdiutil": 'while [ "$1" != -srcfolder ]; do shift; done; cp -R "$2" "$OUT"',
        "python": "echo 9.9.9",
    }
    for name, text in stand_ins.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    shutil.copytree(ROOT / "packaging" / "macos", tmp_path / "packaging" / "macos", dirs_exist_ok=True)
    environment = {"PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin", "OUT": str(tmp_path / "image")}
    return subprocess.run(
        ["sh", str(tmp_path / "packaging" / "macos" / "make_dmg.sh")], env=environment, capture_output=True, text=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_image_holds_licences_and_says_where_it_runs(build: ModuleType, tmp_path: Path) -> None:
    answer = make_image(build, tmp_path, "arm64")
    assert (answer.returncode, answer.stdout) == (0, "dist/coreset-studio-9.9.9-macos-arm64.dmg\n"), answer.stderr
    image = tmp_path / "image"
    assert {file.name for file in image.iterdir()} == {"Coreset Studio.app", "Applications", "Licences", "Read me.txt"}
    assert (image / "Licences" / "keras-LICENSE").read_text() == "Apache 2.0"
    text = (image / "Read me.txt").read_text(encoding="utf-8")
    assert "macOS 14 or later and a Mac with Apple silicon" in text


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_no_image_is_made_on_an_intel_mac(build: ModuleType, tmp_path: Path) -> None:
    answer = make_image(build, tmp_path, "x86_64")
    assert answer.returncode == 1
    assert "This Mac is x86_64; expected arm64." in answer.stderr
