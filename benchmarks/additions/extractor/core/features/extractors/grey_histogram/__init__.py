"""How often each level of grey stands in an image: no weights, no TensorFlow."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.features.description import Extractor

DESCRIPTION = Extractor(
    name="grey-histogram",
    title="Histogram of greys",
    tip="How often each of 32 levels of grey stands in the image; wants no weights.",
    source="classical",
    does="coreset_studio.core.features.extractors.grey_histogram.histogram:STEPS",
    help="coreset_studio.resources:help/extractors/grey-histogram.html",
    cost=Cost(seconds_per_image=0.002, bytes_fixed=100e6, basis="guessed, not measured"),
    place=60,
    blocks={"grey": 32},
    version=1,
    input_size=512,
    batch_size=64,
    licence="no weights; part of this program",
)
