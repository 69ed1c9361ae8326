"""What the installer for Windows would do, told from its script, and the properties of the programs: not run there."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from coreset_studio.core import windows
from coreset_studio.core.version import __version__

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "packaging" / "windows" / "coreset-studio.iss"


@pytest.fixture(scope="module")
def sections() -> dict[str, list[str]]:
    """The lines of each section, without comments."""
    found: dict[str, list[str]] = {}
    for line in SCRIPT.read_text(encoding="ascii").splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            found[heading[1]] = []
        elif found and line.strip() and not line.startswith(";"):
            found[list(found)[-1]].append(line)
    return found


@pytest.fixture(scope="module")
def setup(sections: dict[str, list[str]]) -> dict[str, str]:
    """The directives of [Setup]."""
    return dict(line.split("=", 1) for line in sections["Setup"])


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import build

    yield build
    sys.modules.pop("build", None)


def test_a_running_program_is_closed_first(setup: dict[str, str]) -> None:
    assert setup["AppMutex"] == windows.MUTEX
    assert setup["CloseApplications"] == "yes"
    assert setup["RestartApplications"] == "no"


def test_libraries_of_an_earlier_version_are_removed(sections: dict[str, list[str]]) -> None:
    removed = [
        re.fullmatch(r'Type: filesandordirs; Name: "\{app\}\\(\w+)"', line) for line in sections["InstallDelete"]
    ]
    names = [each[1] for each in removed if each]
    assert names == ["_internal", "licences"]
    # As the spec calls the folder of the libraries.
    assert '"contents_directory": "_internal"' in (ROOT / "packaging" / "coreset-studio.spec").read_text("utf-8")


def test_the_shortcuts_have_the_name_of_the_process_in_the_task_bar(sections: dict[str, list[str]]) -> None:
    assert len(sections["Icons"]) == 2
    assert all(f'AppUserModelID: "{windows.APPLICATION_ID}"' in line for line in sections["Icons"])


def test_the_command_is_put_on_path_and_taken_off(sections: dict[str, list[str]], setup: dict[str, str]) -> None:
    (task,) = (line for line in sections["Tasks"] if line.startswith("Name: path;"))
    assert "unchecked" not in task
    lines = [line for line in sections["Registry"] if 'ValueName: "Path"' in line]
    assert [line.split(";")[0] for line in lines] == ["Root: HKLM", "Root: HKCU"]
    for line in lines:
        assert 'ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path;' in line
        assert "IsMissingOnPath" in line
        assert "uninsdelete" not in line  # it would delete all of PATH
    code = "\n".join(sections["Code"])
    assert "if Step = usPostUninstall then\n    TakeOffPath;" in code
    assert setup["ChangesEnvironment"] == "yes"


def test_what_the_script_names_is_made(setup: dict[str, str], build: ModuleType) -> None:
    assert setup["SetupIconFile"] == r"..\..\build\icons\coreset-studio.ico"
    assert '"coreset-studio.ico"' in Path(build.__file__ or "").read_text("utf-8")
    before = (SCRIPT.parent / setup["InfoBeforeFile"]).read_text(encoding="ascii")
    assert "not signed" in before
    assert "has not been run on Windows" in before
    for name in ("LicenseFile",):
        assert (SCRIPT.parent / setup[name].replace("\\", "/")).is_file()
    assert setup["VersionInfoVersion"] == "{#Version}"


def test_properties_of_the_programs(build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ROOT", tmp_path)
    build.make_version_files()

    def facts(kind: str) -> Any:
        return lambda *given, **named: (kind, given, named)

    kinds = ("VSVersionInfo", "FixedFileInfo", "StringFileInfo", "StringTable", "VarFileInfo", "VarStruct")
    names: dict[str, Any] = {kind: facts(kind) for kind in kinds} | {"StringStruct": lambda key, text: (key, text)}
    for program, words in (("coreset-studio", "Coreset Studio"), ("coreset", "Coreset Studio (command line)")):
        text = (tmp_path / "build" / "version" / f"{program}.txt").read_text(encoding="utf-8")
        _, _, info = eval(text, names)  # as PyInstaller reads it
        numbers = info["ffi"][2]["filevers"]
        assert ".".join(map(str, numbers[:3])) == __version__
        assert len(numbers) == 4
        strings = dict(info["kids"][0][1][0][0][1][1])
        assert strings["OriginalFilename"] == f"{program}.exe"
        assert strings["FileDescription"] == words
        assert strings["ProductVersion"] == __version__


def test_the_spec_gives_them_to_the_programs_on_windows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = pytest.importorskip("PyInstaller.utils.hooks")
    for name in ("collect_submodules", "collect_data_files", "copy_metadata"):
        monkeypatch.setattr(hooks, name, lambda *_, **__: [])
    spec = ROOT / "packaging" / "coreset-studio.spec"
    code = compile(spec.read_text(encoding="utf-8"), str(spec), "exec")

    class Step:
        def __init__(self, *given: Any, **options: Any) -> None:
            self.options = options
            self.binaries = self.datas = self.pure = self.scripts = []  # type: list[Any]

    for system, made in (("win32", True), ("linux", False)):
        programs: list[Step] = []

        class Executable(Step):
            def __init__(self, *given: Any, **options: Any) -> None:
                super().__init__(*given, **options)
                programs.append(self)  # noqa: B023 - of this round

        with monkeypatch.context() as other:
            other.setattr(sys, "platform", system)
            exec(
                code, {"Analysis": Step, "PYZ": Step, "EXE": Executable, "COLLECT": Step, "SPECPATH": str(spec.parent)}
            )
        versions = [Path(each.options["version"]).name if "version" in each.options else "" for each in programs]
        assert versions == (["coreset-studio.txt", "coreset.txt"] if made else ["", ""])
        assert programs[0].options["console"] is False
