"""What a step will take of memory, as the window tells it."""

import subprocess
import sys

import pytest

from coreset_studio.core.estimate import clustering_bytes
from coreset_studio.core.memory import FreeMemory
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.service import needs
from coreset_studio.core.service.needs import USUAL_COMPONENTS, clustering_memory_words, sampler_memory_words
from coreset_studio.core.settings import ClusterSettings
from coreset_studio.core.words import byte_size

SIZES = {"a": 900, "b": 20_000, "c": 3}


def test_only_what_is_more_than_half_of_what_is_free_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = clustering_bytes(20_000, USUAL_COMPONENTS, ClusterSettings())
    monkeypatch.setattr(needs, "free_memory", lambda: FreeMemory(2 * needed))
    assert clustering_memory_words(SIZES, ClusterSettings()) == ""
    free = FreeMemory(2 * needed - 1)
    monkeypatch.setattr(needs, "free_memory", lambda: free)
    assert clustering_memory_words(SIZES, ClusterSettings()) == (
        f"Clustering class b requires about {byte_size(needed)} of memory; {byte_size(free.n_bytes)} are free."
    )
    assert clustering_memory_words(SIZES, ClusterSettings(sample_above=5_000)) == ""
    assert clustering_memory_words({}, ClusterSettings()) == ""


def test_a_sampler_tells_what_its_cost_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "free_memory", lambda: FreeMemory(500_000_000))
    words = sampler_memory_words({"a": 12_000}, SAMPLERS["balanced-herding"])
    assert words.startswith("Selecting by balanced herding from class a requires about 8")
    assert sampler_memory_words({"a": 12_000}, SAMPLERS["stratified"]) == ""
    assert sampler_memory_words({"a": 12_000}, SAMPLERS["random"]) == ""


def test_the_window_loads_nothing_heavy_for_it() -> None:
    heavy = ("sklearn", "kmedoids", "scipy", "cv2")
    code = f"import sys, coreset_studio.core.service.needs; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
