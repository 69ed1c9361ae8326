"""`--scheduler`, `coreset embed` and `coreset cluster` on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from coreset_studio.core.cli import main
from coreset_studio.core.cluster import facts_here
from coreset_studio.core.cluster.local import local_cluster

pytest.importorskip("distributed")


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    for number in range(30):
        file = tmp_path / "cells" / ("a", "b")[number % 2] / f"{number:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (24, 20, 3), dtype=np.uint8)
        PillowImage.fromarray(pixels).save(file)
    return tmp_path / "cells"


def test_embed_fills_the_cache_once(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["embed", str(cells), "--extractor", "colour-texture", "--cache", str(tmp_path / "cache")]
    assert main(words) == 0
    assert "colour-texture: 30 images extracted, 0 in the cache" in capsys.readouterr().out
    assert main(words) == 0
    assert "colour-texture: 0 images extracted, 30 in the cache" in capsys.readouterr().out


@pytest.mark.slow
def test_embed_on_a_scheduler_names_its_workers(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["embed", str(cells), "--extractor", "colour-texture", "--cache", str(tmp_path / "cache")]
    with local_cluster(2) as running:
        assert main([*words, "--scheduler", running.scheduler_address]) == 0
    shown = capsys.readouterr()
    assert f"note: Computing on 2 workers of {running.scheduler_address} (2 × " in shown.err
    assert "30 images extracted, 0 in the cache" in shown.out
    out = tmp_path / "out"
    select = ["--extractor", "colour-texture", "--fraction", "0.5", "--test-fraction", "0", "--out", str(out)]
    assert main(["export", str(cells), *select, "--cache", str(tmp_path / "cache")]) == 0
    (worker,) = json.loads((out / "coreset.json").read_text())["workers"]["colour-texture"]
    assert worker["processor"] == facts_here().processor
    assert worker["versions"] == facts_here().versions
    assert main(["verify", str(out)]) == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--scheduler", "nonsense"], "'nonsense' is not the address of a scheduler; expected HOST:PORT"),
        (["--tls-ca", "ca.pem"], "TLS files were given without a scheduler; add --scheduler ADDRESS."),
    ],
)
def test_invalid_schedulers_are_refused(
    cells: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["embed", str(cells), "--extractor", "colour-texture", *more]) == 2
    assert said in capsys.readouterr().err


def test_a_port_out_of_range_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cluster", "--port", "70000"]) == 2
    assert "--port is 70000; expected a number from 0 to 65535." in capsys.readouterr().err
