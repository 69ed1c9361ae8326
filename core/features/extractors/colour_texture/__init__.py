"""A classical description of stained-cell images in four blocks: no weights, no TensorFlow."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.features.description import Extractor

DESCRIPTION = Extractor(
    name="colour-texture",
    title="Colour and texture",
    tip="Colour histograms, a thumbnail, edge directions and rings; requires no weights and takes milliseconds.",
    source="classical; blocks as measured on the blood cells of Acevedo et al. 2020",
    methods="colour and texture descriptors (colour histograms, a thumbnail, oriented gradients, and "
    "means and spreads in rings)",
    does="coreset_studio.core.features.extractors.colour_texture.blocks:STEPS",
    help="coreset_studio.resources:help/extractors/colour-texture.html",
    cost=Cost(seconds_per_image=0.0035, bytes_fixed=150e6, basis="as measured on two cores of another machine"),
    place=50,
    blocks={"colour": 344, "thumbnail": 768, "gradients": 576, "rings": 54},
    version=1,
    input_size=512,
    batch_size=64,
    licence="no weights; part of this program",
    short="colour-texture",
    recommended=3,
)
