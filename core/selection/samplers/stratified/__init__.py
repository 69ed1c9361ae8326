"""Stratified random sampling: class shares are kept, and inside a class every image is equally likely."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="stratified",
    title="Stratified random",
    tip="Keeps the shares of the classes and draws at random within each; the baseline for every other sampler.",
    good_for="the baseline; requires no features",
    source="Neyman 1934; proportional allocation",
    references=("neyman1934",),
    methods="stratified random sampling, in which all images of a class are equally likely",
    does="coreset_studio.core.selection.samplers.stratified.order:order",
    help="coreset_studio.resources:help/samplers/stratified.html",
    cost=Cost(seconds_per_image=6e-7),
    place=20,
    mark=Mark("#56B4E9", "square"),
    uses_embedding=False,
    uses_seed=True,
)
