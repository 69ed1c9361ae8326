"""Description of an extractor: its facts, and its code, which is imported when first needed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from coreset_studio.core.descriptions import Description, SettingsPart, plugins_used
from coreset_studio.core.errors import CoresetError, FeatureError

if TYPE_CHECKING:
    from coreset_studio.core.features.network import Network, WeightSet
    from coreset_studio.core.features.steps import Compute, Pixels, Prepared, Steps, StoredRows
    from coreset_studio.core.features.weight_files import Tensors
    from coreset_studio.core.results import FloatArray, WeightsUsed


@dataclass(frozen=True, kw_only=True)
class Extractor(Description):
    """One extractor of the registry; `does` names its `core.features.steps.Steps`.

    For an extractor with settings of its own `does` names a function that makes its steps from these.

    Its `cost` is that of looking at one image, decoding included, and of the memory in use while it runs, the engine
    included.

    Attributes
    ----------
    blocks : mapping of str to int
        Numbers in each named block that it returns; each block is a view.
    version : int
        Raised whenever the same image would give other numbers, so that nothing stale is read from the cache.
    input_size : int
        Side in pixels of the square input.
    batch_size : int
        Images computed at once.
    weights : str
        Name of the weight set that it needs; empty where it needs none. Extractors that share weights name the same.
    licence : str
        A note on the terms of weights or method.
    derived_from : str
        Another extractor, of the same weights and of one block, whose rows give this one's, so that they cost nothing
        where those are in the cache; empty where there is none.
    backbone : bool
        Whether its network is offered as the backbone of the transfer network. Of several extractors that share a
        network, one is.
    chosen : SettingsPart or None
        Its own settings where they are not their defaults; see `with_settings`.
    short : str
        Its name inside a sentence; empty: its title.
    paper : {"", "extractor", "backbone"}
        What the paper that the program follows uses it as; empty where it does not.
    from_file : bool
        Whether its rows are read from a file that its own settings name, instead of computed from images: `blocks` and
        `cost` are those of its settings then, and other images have no features.
    recommended : int
        Place among the extractors to select by if nothing else is set, from 1, one after the extractor that it is
        derived from; 0 where it is none of them. Of a plugin's it does not count: those recommended were measured
        together.
    """

    blocks: Mapping[str, int]
    version: int
    input_size: int
    batch_size: int
    weights: str = ""
    licence: str = ""
    derived_from: str = ""
    backbone: bool = False
    short: str = ""
    paper: str = ""
    from_file: bool = False
    recommended: int = 0
    chosen: SettingsPart | None = None

    def with_settings(self, chosen: Any) -> Self:
        """Return the extractor with its own settings applied; one without own settings is returned unchanged."""
        if self.settings is None or chosen is None:
            return self
        if self.from_file:
            return replace(self, chosen=chosen, blocks=dict(chosen.blocks), cost=chosen.cost)
        return replace(self, chosen=chosen)

    @property
    def n_features(self) -> int:
        """Numbers over all blocks."""
        return sum(self.blocks.values())

    @property
    def in_words(self) -> str:
        """Its name inside a sentence."""
        return self.short or self.title

    @property
    def cache_name(self) -> str:
        """The name under which its features are cached, in addition to version, weights and settings."""
        return self.name

    @property
    def file_used(self) -> "WeightsUsed | None":
        """The file that it computes with where that is not a weight set; None if there is none."""
        return None

    @property
    def network(self) -> "Network | None":
        """The network that it uses; None if it uses none.

        Raises
        ------
        FeatureError
            If a plugin's code cannot be imported.
        """
        with self.guard():
            return self._steps().network

    @property
    def weight_set(self) -> "WeightSet | None":
        """The weights that it requires; None if it requires none.

        Raises
        ------
        FeatureError
            If a plugin's code cannot be imported, or has no weight set of the name that the description gives.
        """
        if not self.weights:
            return None
        with self.guard():
            found = self._steps().weight_set
            if found is None or found.name != self.weights:
                raise TypeError(f"its code has no weight set named {self.weights!r}")
        return found

    @property
    def stored(self) -> "StoredRows | None":
        """The reader of its rows from a file; None if it computes them from images.

        Raises
        ------
        FeatureError
            If a plugin's code cannot be imported.
        """
        if not self.from_file:
            return None
        with self.guard():
            found = self._steps().stored
            if found is None:
                raise TypeError("its code reads no rows from a file")
        return found

    def prepare(self, rgb: "Pixels") -> "Prepared":
        """Turn one image, uint8 of shape (h, w, 3), into what `load`'s function takes.

        Raises
        ------
        FeatureError
            If a plugin's code fails.
        """
        with self.guard():
            return self._steps().prepare(rgb)

    def load(self, tensors: "Tensors | None") -> "Compute":
        """Return the function that computes every block of a batch of prepared images.

        Parameters
        ----------
        tensors : Tensors or None
            Of its weight set; None for an extractor without weights.

        Returns
        -------
        callable
            From prepared images, shape (b, ...), to float32 of shape (b, n_features) for every block; the rows of
            single images may contain numbers that are not finite, those of all images may not.

        Raises
        ------
        FeatureError
            If a plugin's code fails or returns something else; the function returned raises it too.
        """
        with self.guard():
            compute = self._steps().load(tensors)

        def checked(batch: "Prepared") -> "Mapping[str, FloatArray]":
            with self.guard():
                return self._blocks_of(compute(batch), len(batch), every_row=False)

        return checked

    def derive(self, rows: "FloatArray") -> "FloatArray":
        """Turn rows of `derived_from`, shape (b, n), into rows of one's own only block.

        Raises
        ------
        FeatureError
            If a plugin's code fails or returns something else.
        """
        (block,) = self.blocks
        with self.guard():
            derive = self._steps().derive
            if derive is None:
                raise TypeError(f"its code cannot derive rows from those of {self.derived_from}")
            return self._blocks_of({block: derive(rows)}, len(rows))[block]

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turn what the code of a plugin raises into a `FeatureError` that names the plugin.

        Errors of built-in extractors are passed on, since they are faults of the program.
        """
        try:
            yield
        except (CoresetError, MemoryError):
            raise
        except Exception as error:  # a plugin may raise anything
            plugin = plugins_used({"extractor": (self.name,)}).get(f"extractor {self.name}")
            if plugin is None:
                raise
            raise FeatureError(
                f"The extractor {self.title} of the plugin {plugin} failed ({type(error).__name__}: {error}). "
                f"Update the plugin, or choose another extractor."
            ) from error

    def guarded(self, function: "Callable[[FloatArray], FloatArray]") -> "Callable[[FloatArray], FloatArray]":
        """Return `function`, part of this extractor's code, in the `guard`."""

        def call(values: "FloatArray") -> "FloatArray":
            with self.guard():
                return function(values)

        return call

    def _steps(self) -> "Steps":
        from coreset_studio.core.features.steps import Steps

        found = self.code if self.settings is None else self.code(self.chosen or self.settings())
        if not isinstance(found, Steps):
            raise TypeError(f"{self.does} is no coreset_studio.core.features.steps.Steps")
        return found

    def _blocks_of(
        self, found: "Mapping[str, FloatArray]", n_images: int, *, every_row: bool = True
    ) -> "Mapping[str, FloatArray]":
        """Return the computed blocks if they match the description.

        With `every_row` all numbers must be finite, without it those of at least one image.
        """
        import numpy as np

        for block, width in self.blocks.items():
            rows = found[block]
            if rows.shape != (n_images, width) or rows.dtype != np.float32:
                form = f"float32 of shape {(n_images, width)}"
                raise ValueError(f"block {block} is {rows.dtype} of shape {rows.shape}, expected {form}")
            is_finite = np.isfinite(rows).all(axis=1)
            if not (is_finite.all() if every_row else is_finite.any() or not n_images):
                raise ValueError(f"block {block} holds numbers that are not finite")
        return found
