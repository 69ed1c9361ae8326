"""Write today's stored forms, small and whole, for the tests that later versions must read.

    python tests/golden/make.py tests/golden/FOLDER
    python tests/golden/make.py tests/golden/relabelled relabelled
    python tests/golden/make.py tests/golden/features-file features-file
    python tests/golden/make.py tests/golden/search search

Run once for each format, and once for fields that are left out where they are neutral, by the version that wrote it;
never again for the same folder.
"""

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from coreset_studio.core.cli import main
from coreset_studio.core.project import STAGES, Project, Recovery, StageResult, write_project, write_recovery
from coreset_studio.core.settings import ExportSettings, Settings, settings_to_dict

N_IMAGES, SIDE = 66, 16


def write_images(file: Path) -> None:
    """Write 66 synthetic images of 3 classes as a MedMNIST .npz with a split of its own."""
    random = np.random.default_rng(20)
    labels = np.arange(N_IMAGES) % 3
    images = random.integers(0, 80, (N_IMAGES, SIDE, SIDE, 3))
    images[np.arange(N_IMAGES), :, :, labels] += 120
    images = images.astype(np.uint8)
    parts = {"train": slice(0, 48), "val": slice(48, 54), "test": slice(54, None)}
    arrays = {f"{name}_images": images[part] for name, part in parts.items()}
    arrays |= {f"{name}_labels": labels[part, None].astype(np.uint8) for name, part in parts.items()}
    np.savez_compressed(file, **arrays)


def settings_of(study: Path) -> Settings:
    """Return the settings that the study was made with."""
    return settings_of_export(study / "coreset")


def changed(settings: Settings) -> Settings:
    """Return settings that differ from the defaults in every section, flat own settings included."""
    values = settings_to_dict(settings)
    values["data"] |= {"test_fraction": 0.25, "left_out_classes": ["x"], "near_duplicate_bits": 3}
    values["features"] |= {"extractors": ["vgg16", "colour-texture"], "variance": 0.9}
    values["clusters"] |= {"k_max": 7, "k_by_class": {"1": 3}, "seed": 4}
    values["selection"] |= {
        "sampler": "balanced-herding", "images": 12, "mu": 0.5, "beta": 0.5, "budget_over_clusters": "neyman",
        "fraction_by_class": {"1": 0.5}, "pinned_in": ["train/00001.png"],
    }  # fmt: skip
    values["training"] |= {"epochs": 3, "backbone": "vgg16", "untrained_backbone": True, "judge_extractor": "vgg16"}
    values["comparison"] |= {"networks": ["head"], "splits": 3, "repetitions": 2, "controls": False}
    values["export"] |= {"files": "hardlink", "remainder": True}
    from coreset_studio.core.settings import settings_from_dict

    return settings_from_dict(values)


def write(folder: Path) -> None:
    """Write every stored form into `folder`."""
    folder.mkdir(parents=True)
    images = folder / "images.npz"
    write_images(images)
    study, cache = folder / "study", Path(tempfile.mkdtemp())
    code = main(
        [
            "run", str(images), "--extractor", "colour-texture", "--networks", "custom,head", "--image-size", "32",
            "--epochs", "2", "--min-steps", "0", "--fractions", "0.5,1", "--samplers", "intelligent,balanced-herding",
            "--fraction", "0.25", "--cache", str(cache), "--out", str(study),
        ]
    )  # fmt: skip
    assert code == 0
    kept = {"runs", "coreset", "models", "study.json"}
    for entry in study.iterdir():
        if entry.name not in kept:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for model in sorted((study / "models").iterdir())[1:]:
        shutil.rmtree(model)
    for part in ("features",):
        if (cache / part).exists():
            shutil.copytree(cache / part, folder / "cache" / part)
    settings = settings_of(study)
    settings = replace(settings, export=ExportSettings())
    (folder / "settings.json").write_text(json.dumps(settings_to_dict(settings), indent=1), encoding="utf-8")
    other = changed(settings)
    (folder / "settings-changed.json").write_text(json.dumps(settings_to_dict(other), indent=1), encoding="utf-8")
    for name, chosen in (("project", settings), ("project-changed", other)):
        project = Project(source=images, settings=chosen, notes="golden")
        for stage in STAGES:
            content = "images" if stage == "dataset" else ""
            project = project.with_result(stage, StageResult(project.key(stage), {"images": 66}, content, 1.5))
        write_project(project, folder / f"{name}.coreset", version="golden")
    # A recovery copy names its images by an absolute path; that of this machine is nobody's business.
    elsewhere = replace(project, source=Path("/nowhere/images.npz"))
    write_recovery(Recovery(elsewhere, Path("/nowhere/project.coreset")), folder / "recovery.json", version="golden")
    shutil.rmtree(cache)


def write_relabelled(folder: Path) -> None:
    """Write a project and two exports of relabelled images, with notes and reviews, of the images of format 2."""
    folder.mkdir(parents=True)
    images = folder.parent / "format-2" / "images.npz"
    when = "2026-11-27T09:30:00+00:00"
    labels = folder / "labels.csv"
    rows = [("train/00000.png", "1"), ("train/00004.png", "new"), ("test/00002.png", "0"), ("val/00000.png", "1")]
    labels.write_text("path,label,when\n" + "".join(f"{path},{new},{when}\n" for path, new in rows), encoding="utf-8")
    cache = Path(tempfile.mkdtemp())
    for name, more in (("export", []), ("export-private", ["--private"])):
        code = main(
            [
                "export", str(images), "--extractor", "colour-texture", "--sampler", "random", "--fraction", "0.5",
                "--leave-out-image", "train/00005.png", "--labels", str(labels), "--files", "list", *more,
                "--cache", str(cache), "--out", str(folder / name),
            ]
        )  # fmt: skip
        assert code == 0
    shutil.rmtree(cache)
    project = Project(
        source=images,
        settings=settings_of_export(folder / "export"),
        notes="golden",
        image_notes={"train/00000.png": "blurred", "test/00002.png": "two cells"},
        reviewed={"train/00001.png": "kept", "train/00002.png": "skipped"},
    )
    for stage in STAGES:
        content = "images" if stage == "dataset" else ""
        project = project.with_result(stage, StageResult(project.key(stage), {"images": 66}, content, 1.5))
    write_project(project, folder / "project.coreset", version="golden")


def write_features_file(folder: Path) -> None:
    """Write a features file of the images of format 2, and a project and two exports that select by it."""
    from coreset_studio.core.features.extractors.features_file.looking import features_from_file
    from coreset_studio.core.settings import with_own

    folder.mkdir(parents=True)
    images = folder.parent / "format-2" / "images.npz"
    parts = {"train": 48, "val": 6, "test": 12}
    paths = [f"{name}/{row:05d}.png" for name, n in parts.items() for row in range(n)]
    features = np.random.default_rng(7).standard_normal((N_IMAGES, 5)).astype(np.float32)
    np.save(folder / "features.npy", features)
    (folder / "features.csv").write_text("\n".join(["path", *paths]) + "\n", encoding="utf-8")
    cache = Path(tempfile.mkdtemp())
    for name, more in (("export", []), ("export-private", ["--private"])):
        code = main(
            [
                "export", str(images), "--features-file", str(folder / "features.npy"), "--sampler", "even-herding",
                "--fraction", "0.5", "--files", "list", *more, "--cache", str(cache), "--out", str(folder / name),
            ]
        )  # fmt: skip
        assert code == 0
    shutil.rmtree(cache)
    settings = settings_of_export(folder / "export")
    file, _ = features_from_file(folder / "features.npy", images, settings.data)
    settings = replace(settings, features=with_own(settings.features, "features-file", file=file))
    project = Project(source=images, settings=settings, notes="golden")
    for stage in STAGES:
        content = "images" if stage == "dataset" else ""
        project = project.with_result(stage, StageResult(project.key(stage), {"images": 66}, content, 1.5))
    write_project(project, folder / "project.coreset", version="golden")


def write_search(folder: Path) -> None:
    """Write a search over a grid, on the coreset and on the pool, of the images of format 2."""
    cache = Path(tempfile.mkdtemp())
    code = main(
        [
            "search", str(folder.parent / "format-2" / "images.npz"), "--extractor", "colour-texture",
            "--sampler", "stratified", "--fraction", "0.5", "--image-size", "32", "--min-steps", "0",
            "--learning-rates", "0.002,0.008", "--dropouts", "0,0.1", "--epoch-counts", "2", "--with-pool",
            "--cache", str(cache), "--out", str(folder),
        ]
    )  # fmt: skip
    assert code == 0
    shutil.rmtree(cache)


def settings_of_export(export: Path) -> Settings:
    """Return the settings that an export was made with."""
    from coreset_studio.core.settings import read_settings

    return read_settings(export / "coreset.json")


if __name__ == "__main__":
    others = {"relabelled": write_relabelled, "features-file": write_features_file, "search": write_search}
    others.get(sys.argv[2] if len(sys.argv) > 2 else "", write)(Path(sys.argv[1]))
