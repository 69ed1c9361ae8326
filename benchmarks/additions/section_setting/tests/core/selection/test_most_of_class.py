"""The largest share of a class: what is chosen, its flag, its control, its key and its stored form."""

import csv
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.project import Project
from coreset_studio.core.selection.selecting import select_rows
from coreset_studio.core.settings import SelectionSettings, Settings, settings_from_dict, settings_to_dict
from coreset_studio.core.settings.listed import settings_in

LABELS = np.repeat([0, 1], [30, 10])


@pytest.mark.parametrize(("most", "budgets"), [(1.0, {"a": 10, "b": 10}), (0.55, {"a": 14, "b": 6})])
def test_no_class_gives_more_and_the_others_fill_up(most: float, budgets: dict[str, int]) -> None:
    settings = SelectionSettings(sampler="stratified", images=20, budget_over_classes="equal", most_of_class=most)
    assert select_rows(LABELS, ("a", "b"), np.arange(40), settings).budgets == budgets


def test_what_cannot_be_had_is_said() -> None:
    settings = SelectionSettings(sampler="stratified", fraction=0.9, most_of_class=0.5)
    coreset = select_rows(LABELS, ("a", "b"), np.arange(40), settings)
    assert coreset.budgets == {"a": 15, "b": 5}
    assert any("beyond the largest share of their class" in note for note in coreset.notes)


def test_it_is_listed_and_stored_where_it_is_not_neutral() -> None:
    [setting] = [each for each in settings_in("selection") if each.name == "most_of_class"]
    assert (setting.flag, setting.default, setting.owner) == ("--most-of-class", 1.0, "")
    changed = setting.put(Settings(), 0.5)
    assert settings_to_dict(changed)["selection"]["most_of_class"] == 0.5
    assert settings_from_dict(settings_to_dict(changed)) == changed
    assert "most_of_class" not in settings_to_dict(Settings())["selection"]
    keys = [Project(settings=one).key(stage) for one in (Settings(), changed) for stage in ("coreset", "compare")]
    assert len(set(keys)) == 4


def test_the_command_line_takes_it(tmp_path: Path) -> None:
    make_demo(tmp_path / "cells", 80, side=48)
    words = ["--extractor", "colour-texture", "--sampler", "stratified", "--budget-over-classes", "equal"]
    words += ["--test-fraction", "0", "--fraction", "0.6", "--out", str(tmp_path / "chosen.csv")]
    assert main(["select", str(tmp_path / "cells"), *words, "--most-of-class", "0.65"]) == 0
    with (tmp_path / "chosen.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    sizes, chosen = (Counter(row["class"] for row in rows if row["selected"] in which) for which in ("01", "1"))
    assert all(chosen[name] <= math.ceil(0.65 * size) for name, size in sizes.items())
    assert sum(chosen.values()) == round(0.6 * len(rows))
