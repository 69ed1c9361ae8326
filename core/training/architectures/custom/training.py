"""Train the custom network on pixels."""

from coreset_studio.core.training.architectures.custom.model import build_custom
from coreset_studio.core.training.calling import free_memory
from coreset_studio.core.training.loop import fit, make_deterministic, predict
from coreset_studio.core.training.task import RunInput, Trained


def train(run: RunInput) -> Trained:
    """Train the whole network on the coreset's pixels."""
    free_memory()
    make_deterministic(run.seed)
    model = build_custom(len(run.classes), run.settings, seed=run.seed)
    words = run.network.words
    # All before the training: of images that cannot be read any more none comes as a surprise after it.
    training, validation, test = run.training(), run.validation(), run.test()
    fitted = fit(model, training, validation, run.settings, seed=run.seed, title=words, progress=run.fitting)
    return Trained.of_fit(model, fitted, predict(model, test, title=f"Testing {words}", progress=run.testing))
