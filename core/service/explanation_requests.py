"""The request for maps of what a trained network bases its classes on."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from coreset_studio.core.limits import limited
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import Publisher
from coreset_studio.core.results import ExplainedImage
from coreset_studio.core.service.requests import PublishingRequest


@dataclass(frozen=True)
class ExplainImages(PublishingRequest[int, ExplainedImage]):
    """Compute the Grad-CAM maps of images of a dataset, and publish each; the result is the number of maps.

    Attributes
    ----------
    study : Study
    bundle : Path
        Folder of a saved network.
    paths : tuple of str
        Images of the dataset; the maps are published in this order.
    """

    title: ClassVar[str] = "class activation maps"
    study: Study
    bundle: Path
    paths: tuple[str, ...]

    @limited(seconds=900)
    def run(self, progress: Publisher[ExplainedImage]) -> int:
        """Open the images, load the network, and compute the maps."""
        from coreset_studio.core.pipeline.explaining import explain_images

        return explain_images(self.study, self.bundle, self.paths, progress)
