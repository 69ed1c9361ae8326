"""Paths with quotes that do not belong to them: pasted from Explorer, or kept by a backslash."""

import os
from collections import defaultdict
from pathlib import Path

import pytest

from coreset_studio.core import typed_paths
from coreset_studio.core.cli import main, paths
from coreset_studio.core.cli.parser import build_parser
from coreset_studio.core.typed_paths import unquoted


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names cannot contain quotes, as on Windows."""
    monkeypatch.setattr(typed_paths, "is_quote_impossible", lambda: True)
    monkeypatch.setattr(paths, "is_quote_impossible", lambda: True)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('"C:\\my cells"', "C:\\my cells"),
        ('C:\\my cells"', "C:\\my cells"),  # "C:\my cells\" in cmd and PowerShell
        (' "C:\\my cells" ', "C:\\my cells"),
        ("C:\\my cells", "C:\\my cells"),
        (" cells ", " cells "),
        ('"', ""),
        ("", ""),
    ],
)
def test_quotes_at_the_ends_are_removed_on_windows(windows: None, text: str, path: str) -> None:
    assert unquoted(text) == path


@pytest.mark.skipif(os.name == "nt", reason="names have no quotes there")
def test_elsewhere_names_may_have_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quoted = f'"{tmp_path}"'
    assert unquoted(quoted) == str(tmp_path)
    assert unquoted(f'{tmp_path}"') == f'{tmp_path}"'
    (tmp_path / '"a"').mkdir()
    monkeypatch.chdir(tmp_path)
    assert unquoted('"a"') == '"a"'
    assert unquoted('""') == '""'


def test_a_quote_that_a_backslash_kept_is_told(
    windows: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cells").mkdir()
    assert main(["scan", f'{tmp_path}/cells"']) == 2
    said = capsys.readouterr().err
    assert f'note: {tmp_path}/cells" was read as {tmp_path}/cells, without quotes; a backslash before' in said
    assert f"{tmp_path}/cells" in said.splitlines()[-1]
    assert '"' not in said.splitlines()[-1]


def test_what_a_backslash_joined_is_refused_in_a_sentence(windows: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", 'C:\\cells" --fraction 0.05', "--out", "x"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert 'C:\\cells" --fraction 0.05 contains a quote, which no path can.' in said
    assert 'leave it out: "C:\\cells"' in said


@pytest.mark.parametrize("flag", ["--out", "--cache", "--settings", "--features-file", "--continue-from"])
def test_every_path_is_read_so(windows: None, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["select", "cells", flag, 'a" b'])
    assert "contains a quote" in capsys.readouterr().err


def test_no_path_of_a_command_is_read_otherwise() -> None:
    parser = build_parser(defaultdict(lambda: lambda _: 0))
    (commands,) = (each.choices for each in parser._actions if isinstance(each.choices, dict))
    kinds = {(name, each.dest): each.type for name, one in commands.items() for each in one._actions}
    assert [place for place, kind in kinds.items() if kind is Path] == []
    assert sum(kind is paths.path_of for kind in kinds.values()) > 40
