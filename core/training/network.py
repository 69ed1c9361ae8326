"""Description of a network: its facts, without its code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from coreset_studio.core.descriptions import Description
from coreset_studio.core.settings import BACKBONE_PARTS, PIXEL_PARTS, Parts, TrainingSettings, own_settings, parts_of

if TYPE_CHECKING:
    from coreset_studio.core.training.task import RunInput, Trained


@dataclass(frozen=True)
class BackboneChoice:
    """The frozen backbone of a network.

    Attributes
    ----------
    extractor : str
        A convolutional extractor of the registry.
    image_size : int
        >= 32; side of the square input in pixels.
    untrained : bool
        Whether seeded random weights are used.
    weights_file : Path or None
        Weight file; None: it is searched for.
    words : str
        Name in a sentence of the network that uses it.
    """

    extractor: str
    image_size: int
    untrained: bool = False
    weights_file: Path | None = None
    words: str = "network"


@dataclass(frozen=True, kw_only=True)
class Network(Description):
    """A network, or another classifier, that is trained on coresets and evaluated on the test images.

    `does` names one function, ``train(run)``, from a `core.training.task.RunInput` to a `core.training.task.Trained`.

    Its input:

    - ``run.training()``: the training data. ``.source.take(rows)`` returns the images of some rows: with `sees`
      ``"pixels"`` RGB of 0…255, uint8 of shape (n, size, size, 3); with ``"embeddings"`` float32 of shape
      (n, n_components), centred, of mean squared length 1 over the pool. ``.labels``, int64 of shape (n,), are
      positions in ``run.classes``; classes without training images are predicted as well. ``.arrays()`` returns both
      for all rows. ``.teacher`` has the probabilities for soft labels, if they are on.
    - ``run.validation()``: the same of the validation images, to select an epoch; None if there are none, and always
      for a network that sees embeddings.
    - ``run.test()``: the test images, a source without labels.
    - ``run.settings``, ``run.own`` (its own settings, an instance of `settings`), ``run.seed`` and ``run.progress``,
      which is reported between units of work and raises `CancelledError` if the user cancels.

    It returns ``Trained(probabilities=…)``, of shape (n_test, n_classes), rows in the order of ``run.test()``; with
    `is_saved` also a Keras model from pixels to these probabilities. The same run must give the same numbers.
    A network trained by epochs can call `core.training.loop.fit` and return `Trained.of_fit`.

    An exception of the network of a plugin that is no `CoresetError` is reported as a `TrainingError` that names both.

    `cost.seconds_per_image` is the time per image and epoch, or per image for a network that is not trained by epochs.

    Attributes
    ----------
    words : str
        Name in a sentence, such as ``"custom network"``.
    sees : {"pixels", "embeddings"}
        A network that sees ``"embeddings"``, across classes and of one extractor, is a probe without validation images.
    by_epochs : bool
        Whether it is trained by epochs, and thus has training curves.
    is_saved : bool
        Whether it is saved as a model bundle, which predicts new images.
    reads : tuple of str or None
        Fields of `TrainingSettings` that its result depends on; None: all.
    version : int
        Increased if the same run would give other numbers, so that runs stored by earlier versions are not reused.
    extractor_setting : str
        Name of its own setting for an extractor, whose embeddings it sees (empty, or no such setting: the first
        selected one), or whose frozen network it uses. The weights of the extractor must be present.
    untrained_setting : str
        Name of its own setting that requests seeded random weights in that network.
    strength_from : str
        ``"module:attribute"`` of ``choose(dataset, embedding, cache_folder, progress)``, which returns the strength
        of a penalty, a float selected once in the pool for all trainings of a comparison; empty if it has none.
    cost_side : int
        Side in pixels of the images that `cost` was measured with; 0: the cost does not depend on the area.
    listing : str
        Number of its listing in the paper; empty for a network that is not in the paper.
    dropout_setting : str
        Field of `TrainingSettings` that a hyperparameter search varies as its dropout; empty: it has none.
    dropout_words : str
        Name of this dropout in words.
    remark : str
        Remark for the results of a comparison.
    """

    words: str
    sees: Literal["pixels", "embeddings"] = "pixels"
    by_epochs: bool = False
    is_saved: bool = False
    reads: tuple[str, ...] | None = None
    version: int = 1
    extractor_setting: str = ""
    untrained_setting: str = ""
    strength_from: str = ""
    cost_side: int = 0
    listing: str = ""
    dropout_setting: str = ""
    dropout_words: str = ""
    remark: str = ""

    @property
    def has_steps(self) -> bool:
        """Whether it is trained by steps, in one of the two modes of `TrainingSettings.steps`."""
        return self.by_epochs and (self.reads is None or "steps" in self.reads)

    @property
    def sees_embeddings(self) -> bool:
        """Whether it sees embeddings across classes."""
        return self.sees == "embeddings"

    @property
    def needs_backbone(self) -> bool:
        """Whether it uses the frozen network of an extractor, whose weights must be present."""
        return not self.sees_embeddings and bool(self.extractor_setting)

    @property
    def is_searched(self) -> bool:
        """Whether its hyperparameters can be searched: it is trained by epochs, each evaluated on validation images."""
        return self.by_epochs and not self.sees_embeddings

    def reads_setting(self, name: str) -> bool:
        """Whether its result depends on a field of `TrainingSettings`."""
        return self.reads is None or name in self.reads

    def amounts_of_augmentation(self, settings: TrainingSettings) -> dict[str, float]:
        """Return the amounts of the augmentation of pixels that it is trained with, by part; empty without any.

        Features of a frozen backbone are computed once, so that a network on one has none.
        """
        if self.needs_backbone or self.sees_embeddings:
            return {}
        used = self.parts(settings).used()
        return {name: float(used[name]) for name in PIXEL_PARTS if name in used and self.reads_setting(name)}

    def seconds_per_image(self, image_size: int) -> float:
        """Return the estimated seconds per image of `image_size` × `image_size` pixels."""
        return self.cost.seconds_per_image * self._area(image_size)

    def batch_bytes(self, image_size: int, batch_size: int) -> int:
        """Return the memory of the network and a batch in bytes; `cost.bytes_per_image` is per image of a batch."""
        return round(self.cost.bytes_fixed + self.cost.bytes_per_image * self._area(image_size) * batch_size)

    def _area(self, image_size: int) -> float:
        return (image_size / self.cost_side) ** 2 if self.cost_side else 1.0

    def extractor(self, settings: TrainingSettings, chosen: Sequence[str] = ()) -> str:
        """Return the extractor whose embeddings it sees or whose network it uses; empty if there is none.

        Parameters
        ----------
        settings : TrainingSettings
        chosen : sequence of str
            Extractors that coresets are selected by; a probe without a setting of its own uses the first one.
        """
        own = own_settings(settings, self)
        named = str(getattr(own, self.extractor_setting)) if self.extractor_setting else ""
        return named or (chosen[0] if self.sees_embeddings and chosen else "")

    def backbone(self, settings: TrainingSettings, weights_file: Path | None = None) -> BackboneChoice | None:
        """Return the frozen backbone; None for a network without one."""
        if not self.needs_backbone:
            return None
        own = own_settings(settings, self)
        untrained = bool(getattr(own, self.untrained_setting)) if self.untrained_setting else False
        return BackboneChoice(self.extractor(settings), settings.image_size, untrained, weights_file, self.words)

    def parts(self, settings: TrainingSettings) -> Parts:
        """Return the parts of a recipe that concern it: those of a frozen backbone only if it has one."""
        parts = parts_of(settings)
        return parts if self.needs_backbone else replace(parts, **dict.fromkeys(BACKBONE_PARTS, False))

    def train(self, run: "RunInput") -> "Trained":
        """Train it; see the class."""
        trained: Trained = self.code(run)
        return trained
