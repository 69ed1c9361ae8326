"""VGG16 (Simonyan and Zisserman, arXiv 1409.1556): the paper's extractor, flattened, and its averaged variant."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.features.description import Extractor

_COST = Cost(seconds_per_image=0.1, bytes_fixed=1400e6, basis="as measured on two cores of another machine")
_LICENCE = "K. Simonyan and A. Zisserman, University of Oxford, CC BY 4.0"

FLATTENED = Extractor(
    name="vgg16",
    title="VGG16",
    tip="A network trained on photographs; its last pooling layer, flattened: the extractor of the paper.",
    source="Ashraf et al. 2025, 4.1; Simonyan and Zisserman, arXiv 1409.1556",
    references=("simonyan2014",),
    methods="VGG16 (last pooling layer, flattened)",
    does="coreset_studio.core.features.extractors.vgg16.network:FLATTENED_STEPS",
    help="coreset_studio.resources:help/extractors/vgg16.html",
    cost=_COST,
    place=10,
    blocks={"block5_pool": 7 * 7 * 512},
    version=1,
    input_size=224,
    batch_size=16,
    weights="vgg16",
    licence=_LICENCE,
    backbone=True,
    paper="extractor",
    recommended=1,
)

AVERAGED = Extractor(
    name="vgg16-avg",
    title="VGG16, averaged",
    tip="The last pooling layer of VGG16, averaged over the image: fewer features, independent of position.",
    source="Simonyan and Zisserman, arXiv 1409.1556",
    references=("simonyan2014",),
    methods="VGG16 (last pooling layer, averaged)",
    does="coreset_studio.core.features.extractors.vgg16.network:AVERAGED_STEPS",
    help="coreset_studio.resources:help/extractors/vgg16-avg.html",
    cost=_COST,
    place=20,
    blocks={"block5_pool_average": 512},
    version=1,
    input_size=224,
    batch_size=16,
    weights="vgg16",
    licence=_LICENCE,
    derived_from="vgg16",
    short="VGG16 averaged",
    recommended=2,
)

DESCRIPTIONS = (FLATTENED, AVERAGED)
