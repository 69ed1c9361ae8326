"""The quantile of moderate: what it takes, its flag, its control, its key and its stored form."""

import csv
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.project import Project
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool
from coreset_studio.core.settings import SelectionSettings, Settings, settings_from_dict, settings_to_dict, with_own
from coreset_studio.core.settings.listed import settings_in

WIDER = with_own(SelectionSettings(sampler="moderate"), "moderate", quantile=0.9)


def pool() -> ClassPool:
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    zeros = np.zeros(50, dtype=np.int64)
    return ClassPool("cells", points, zeros, zeros[:1], 0)


@pytest.mark.parametrize("quantile", [0.0, 0.25, 0.5, 1.0])
def test_images_nearest_to_the_quantile_are_taken(quantile: float) -> None:
    sampler = SAMPLERS["moderate"]
    assert sampler.settings is not None
    rows = sampler.order(pool(), 9, sampler.settings(quantile=quantile)).rows
    points = pool().embedding.astype(np.float64)
    distances = np.linalg.norm(points - points.mean(axis=0), axis=1)
    away = np.abs(distances - np.quantile(distances, quantile))
    assert set(rows.tolist()) == set(np.argsort(away)[:9].tolist())


def test_kept_orders_differ_by_it() -> None:
    cache, images = OrderCache(), pool()
    plain, wider = (
        cache.get(SAMPLERS["moderate"], images, 9, settings).rows.tolist() for settings in (SelectionSettings(), WIDER)
    )
    assert plain != wider
    assert cache.get(SAMPLERS["moderate"], images, 9, SelectionSettings()).rows.tolist() == plain


def test_it_is_listed_for_flags_and_controls_and_stored_where_it_is_not_neutral() -> None:
    [setting] = [each for each in settings_in("selection") if each.owner == "moderate"]
    assert (setting.flag, setting.default, setting.owner_title) == ("--moderate-quantile", 0.5, "Moderate")
    assert setting.value(setting.put(Settings(), 0.9)) == 0.9
    stored = settings_to_dict(Settings(selection=WIDER))
    assert stored["selection"]["own"] == {"moderate": {"quantile": 0.9}}
    assert settings_from_dict(stored).selection == WIDER
    assert "own" not in settings_to_dict(SelectionSettings(sampler="moderate"))
    assert Project(settings=Settings(selection=WIDER)).key("coreset") != Project().key("coreset")


def test_the_command_line_takes_and_explains_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_demo(tmp_path / "cells", 60, side=48)
    words = ["--extractor", "colour-texture", "--sampler", "moderate", "--fraction", "0.2"]
    chosen = []
    for quantile in ("0.5", "0.9"):
        file = tmp_path / f"{quantile}.csv"
        more = ["--moderate-quantile", quantile, "--out", str(file)]
        assert main(["select", str(tmp_path / "cells"), *words, *more]) == 0
        with file.open(encoding="utf-8", newline="") as stream:
            chosen.append([row["path"] for row in csv.DictReader(stream) if row["selected"] == "1"])
    assert chosen[0] != chosen[1]
    assert main(["select", str(tmp_path / "cells"), *words, "--moderate-quantile", "2", "--out", "x.csv"]) == 2
    assert "quantile must be" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["select", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--moderate-quantile F" in said
    assert "Moderate: images at this quantile are taken" in said
