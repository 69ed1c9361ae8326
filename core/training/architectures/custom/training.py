"""Train the custom network on pixels."""

from core.training.architectures.custom.model import build_custom
from core.training.calling import free_memory
from core.training.loop import fit, make_deterministic, predict
from core.training.task import RunInput, Trained


def train(run: RunInput) -> Trained:
    """Train the whole network on the coreset's pixels."""
    free_memory()
    make_deterministic(run.seed)
    model = build_custom(len(run.classes), run.settings, seed=run.seed)
    words = run.network.words
    fitted = fit(
        model, run.training(), run.validation(), run.settings, seed=run.seed, title=words, progress=run.progress
    )
    return Trained.of_fit(model, fitted, predict(model, run.test(), title=f"Testing {words}", progress=run.progress))
