"""MobileNetV2 at width 1.0 (Sandler et al., CVPR 2018, arXiv 1801.04381), average-pooled."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.features.description import Extractor

DESCRIPTION = Extractor(
    name="mobilenetv2",
    title="MobileNetV2",
    tip="A small network trained on photographs; its last feature map, averaged over the image.",
    source="Sandler et al., CVPR 2018, arXiv 1801.04381",
    references=("sandler2018",),
    methods="MobileNetV2 (last feature map, averaged)",
    does="coreset_studio.core.features.extractors.mobilenetv2.network:STEPS",
    help="coreset_studio.resources:help/extractors/mobilenetv2.html",
    cost=Cost(seconds_per_image=0.011, bytes_fixed=1200e6, basis="as measured on two cores of another machine"),
    place=40,
    blocks={"average": 1280},
    version=1,
    input_size=224,
    batch_size=32,
    weights="mobilenetv2",
    licence="Google, Apache-2.0",
    backbone=True,
)
