"""Descriptions of samplers: light to import, whole, and leading to code that is there."""

import subprocess
import sys

import pytest

from coreset_studio.core.descriptions import registry
from coreset_studio.core.resources import resource_folder
from coreset_studio.core.selection.kernel import MEMORY_BUDGET
from coreset_studio.core.selection.samplers import SAMPLERS

HEAVY = ("numpy", "scipy", "sklearn", "PySide6", "cv2", "kmedoids", "tensorflow", "keras", "matplotlib")
LIST_ALL = (
    "import sys; from coreset_studio.core.descriptions import registry; samplers = registry('sampler');"
    "facts = [(each.title, each.tip, each.cost.seconds_for(17_000), each.settings and each.settings(), each.mark)"
    " for each in samplers.values()];"
    f"print(len(facts), sorted(set({HEAVY!r}) & set(sys.modules)))"
)


def test_importing_all_descriptions_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", LIST_ALL], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == [str(len(SAMPLERS)), "[]\n"]


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_description_is_whole(name: str) -> None:
    sampler = registry("sampler")[name]
    assert sampler is SAMPLERS[name]
    assert sampler.name == name == name.lower()
    assert sampler.title
    assert sampler.tip.endswith(".")
    assert SAMPLERS[name].good_for
    assert sampler.source
    assert callable(sampler.code)
    assert (resource_folder() / sampler.help.removeprefix("coreset_studio.resources:")).is_file()


def test_costs_grow_with_the_class_and_stay_within_the_aim() -> None:
    """The aim of `benchmarks/selection_cost.py`: 10 s and 3 GB for 17,000 images, most of them in one class here."""
    for sampler in SAMPLERS.values():
        assert 0 < sampler.cost.seconds_for(1_000) < sampler.cost.seconds_for(8_000) < 10
        cost = sampler.cost
        assert cost.bytes_for(1_000, 200) <= cost.bytes_for(8_000, 200) <= cost.bytes_for(16_384, 200) < 3e9
        # What is held for every pair ends there: the budget of the kernel.
        assert cost.pairs_up_to in (0, 16_384)
        assert MEMORY_BUDGET == 4 * 16_384**2
