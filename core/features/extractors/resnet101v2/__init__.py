"""ResNet101V2 (He et al., arXiv 1603.05027), average-pooled; also the backbone of the paper's transfer network."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.features.description import Extractor

DESCRIPTION = Extractor(
    name="resnet101v2",
    title="ResNet101V2",
    tip="A deep network trained on photographs; its last feature map, averaged over the image.",
    source="He et al., arXiv 1603.05027",
    references=("he2016",),
    methods="ResNet101V2 (last feature map, averaged)",
    does="coreset_studio.core.features.extractors.resnet101v2.network:STEPS",
    help="coreset_studio.resources:help/extractors/resnet101v2.html",
    cost=Cost(seconds_per_image=0.09, bytes_fixed=1300e6, basis="as measured on two cores of another machine"),
    place=30,
    blocks={"average": 2048},
    version=1,
    input_size=224,
    batch_size=32,
    weights="resnet101v2",
    licence="K. He, X. Zhang, S. Ren and J. Sun, MIT",
    backbone=True,
    paper="backbone",
)
