"""EfficientNet-Lite0 (Tan and Le, ICML 2019, arXiv 1905.11946; without squeeze-and-excitation), average-pooled."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.features.description import Extractor

DESCRIPTION = Extractor(
    name="efficientnet-lite0",
    title="EfficientNet-Lite0",
    tip="A small network trained on photographs; its last feature map, averaged. Features for a linear probe that no "
    "sampler of our benchmarks used.",
    source="Tan and Le, ICML 2019, arXiv 1905.11946; Lite variant of Google, tensorflow/tpu",
    references=("tan2019",),
    methods="EfficientNet-Lite0 (last feature map, averaged)",
    does="coreset_studio.core.features.extractors.efficientnet_lite0.network:STEPS",
    help="coreset_studio.resources:help/extractors/efficientnet-lite0.html",
    cost=Cost(seconds_per_image=0.012, bytes_fixed=1200e6, basis="as measured on two cores of another machine"),
    place=45,
    blocks={"average": 1280},
    version=1,
    input_size=224,
    batch_size=32,
    weights="efficientnet-lite0",
    licence="Google; converted by ML Illustrated, Apache-2.0",
    backbone=True,
)
