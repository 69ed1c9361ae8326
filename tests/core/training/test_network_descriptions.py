"""Descriptions of networks: whole, light, and with a Help page."""

import subprocess
import sys
from pathlib import Path

import pytest

from coreset_studio.core.resources import resource_folder
from coreset_studio.core.settings import TrainingSettings, with_own
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.network import BackboneChoice

HEAVY = {
    "numpy", "scipy", "sklearn", "cv2", "PIL", "matplotlib", "keras", "tensorflow", "PySide6", "kmedoids", "h5py"
}  # fmt: skip


def test_the_program_has_the_papers_two_networks_and_the_linear_probe() -> None:
    assert [*NETWORKS][:3] == ["custom", "transfer", "head"]
    assert NETWORKS.problems == ()


@pytest.mark.parametrize("name", [*NETWORKS])
def test_every_network_is_described_whole(name: str) -> None:
    network = NETWORKS[name]
    assert network.title
    assert network.title[0].isupper()
    assert network.tip
    assert not network.tip.endswith(".")
    assert network.words
    assert network.source
    assert network.cost.seconds_per_image > 0
    assert callable(network.code)
    package, _, file = network.help.partition(":")
    assert package == "coreset_studio.resources"
    page = resource_folder() / file
    assert page == resource_folder() / "help" / "networks" / f"{name}.html"
    assert "<h1>" in page.read_text(encoding="utf-8")
    # What a search varies, and what a result depends on, are settings that there are.
    fields = vars(TrainingSettings())
    assert {network.dropout_setting, *(network.reads or ())} - {""} <= set(fields)
    own = vars(network.settings()) if network.settings is not None else {}
    assert {network.extractor_setting, network.untrained_setting} - {""} <= set(own)


def test_importing_descriptions_imports_none_of_the_engines_libraries() -> None:
    code = (
        "import sys; from coreset_studio.core.service.networks import NETWORKS; print(*NETWORKS);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    root = Path(__file__).parents[3]
    told = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    names, modules = told.stdout.strip().splitlines()
    assert names.split() == [*NETWORKS]
    assert HEAVY & set(modules.split()) == set()


def test_a_network_names_the_extractor_that_it_stands_on_or_sees() -> None:
    custom, transfer, head = (NETWORKS[name] for name in ("custom", "transfer", "head"))
    settings = TrainingSettings(image_size=64)
    assert custom.backbone(settings) is None
    assert custom.extractor(settings, ("vgg16",)) == ""
    assert transfer.backbone(settings) == BackboneChoice("resnet101v2", 64, words="transfer network")
    assert transfer.extractor(settings, ("vgg16",)) == "resnet101v2"
    other = with_own(settings, "transfer", backbone="vgg16", untrained_backbone=True)
    file = Path("weights.h5")
    assert transfer.backbone(other, file) == BackboneChoice("vgg16", 64, True, file, "transfer network")
    assert head.backbone(settings) is None
    assert head.extractor(settings, ("vgg16", "colour-texture")) == "vgg16"
    with_probe = with_own(settings, "head", judge_extractor="mobilenetv2")
    assert head.extractor(with_probe, ("vgg16",)) == "mobilenetv2"
