"""The public interface: its names, that it imports nothing before it is used, and the example of its docstring."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import coreset_studio
from coreset_studio import plugin_code, plugins

# To remove a name, let it warn for one minor version first: CONTRIBUTING.md.
NAMES = {
    "CancelledError", "ClusterSettings", "Comparison", "ComparisonSettings", "Coreset", "CoresetError",
    "CoresetSelector", "DataSettings", "Dataset", "ExportSettings", "FeatureSettings", "InputError", "Manifest",
    "MemoryShortError", "Prepared", "Progress", "SelectionSettings", "Settings", "Split", "Study", "TrainingSettings",
    "__version__", "compare_study", "evaluate_external", "export", "find_sizes", "load_bundle", "open_dataset",
    "predict", "prepare", "read_manifest", "rerun", "run_study", "search_study", "select_coreset", "split_dataset",
    "verify",
}  # fmt: skip
OF_PLUGINS = {
    "Cost", "ExportFormat", "Extractor", "Match", "Metric", "Network", "Sampler", "SettingsPart", "Source", "choice",
}  # fmt: skip
OF_PLUGIN_CODE = {
    "ClassPool", "Compute", "DatasetError", "Entry", "Evidence", "ExportError", "FeatureError", "FileReader",
    "InputError", "Listing", "Order", "Pixels", "Plan", "Prepared", "Progress", "RunInput", "SelectionError", "Steps",
    "Trained", "TrainingError", "Values", "Written",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    assert set(coreset_studio.__all__) == set(dir(coreset_studio)) == NAMES
    assert set(plugins.__all__) == OF_PLUGINS
    assert set(plugin_code.__all__) == OF_PLUGIN_CODE


def test_type_checkers_see_the_names_that_are_imported() -> None:
    """The names stand twice: for type checkers, and where they are imported from when they are used."""
    tree = ast.parse(Path(coreset_studio.__file__).read_text(encoding="utf-8"))
    block = next(one for one in tree.body if isinstance(one, ast.If))
    seen = {
        alias.asname: getattr(import_module(str(one.module)), alias.name)
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    }
    assert seen == {name: getattr(coreset_studio, name) for name in NAMES - {"__version__"}}


@pytest.mark.parametrize("module", ["coreset_studio", "coreset_studio.plugins"])
def test_nothing_heavy_is_imported_before_it_is_used(module: str) -> None:
    heavy = ("sklearn", "tensorflow", "keras", "matplotlib", "PySide6", "PIL")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(AttributeError, match=r"^coreset_studio has no choose\. It has CancelledError, .*, verify\.$"):
        _ = coreset_studio.choose
    with pytest.raises(ImportError, match="choose"):
        exec("from coreset_studio import choose")


def test_a_folder_of_images_becomes_a_verified_export(tmp_path: Path) -> None:
    """The example of the docstring."""
    noise = np.random.default_rng(0)
    for number in range(24):
        file = tmp_path / "cells" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(file)
    settings = coreset_studio.Settings(
        features=coreset_studio.FeatureSettings(extractors=("colour-texture",)),
        selection=coreset_studio.SelectionSettings(sampler="even-herding", fraction=0.25),
    )
    study = coreset_studio.Study(tmp_path / "cells", settings, tmp_path / "cache")

    prepared = coreset_studio.prepare(study)
    coreset = coreset_studio.select_coreset(prepared, study.settings.selection)
    coreset_studio.export(prepared, coreset, tmp_path / "coreset")

    assert coreset_studio.verify(tmp_path / "coreset").ok
    manifest = coreset_studio.read_manifest(tmp_path / "coreset" / "coreset.json")
    assert manifest.settings.selection.sampler == "even-herding"
    stored = json.loads((tmp_path / "coreset" / "coreset.json").read_text(encoding="utf-8"))
    paths = {prepared.dataset.images[index].path for index in coreset.indices.tolist()}
    assert {one["path"] for one in stored["chosen"]} == paths
