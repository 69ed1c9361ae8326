import keras

from coreset_studio.core.training.layers import layer_seed, seeded_glorot
from coreset_studio.core.training.loop import fit, make_deterministic, predict
from coreset_studio.core.training.task import RunInput, Trained


def train(run: RunInput) -> Trained:
    make_deterministic(run.seed)
    size = run.settings.image_size
    pixels = keras.Input((size, size, 3))
    colours = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    colours = keras.layers.Dropout(run.settings.dropout, seed=layer_seed(run.seed, "dropout"))(colours)
    layer = keras.layers.Dense(
        len(run.classes), activation="softmax", kernel_initializer=seeded_glorot(run.seed, "classes")
    )
    model = keras.Model(pixels, layer(colours))
    fitted = fit(
        model, run.training(), run.validation(), run.settings, seed=run.seed, title="tiny", progress=run.progress
    )
    return Trained.of_fit(model, fitted, predict(model, run.test(), progress=run.progress))
