"""Random generators spawned by name, so that editing one class or cluster does not redraw another."""

import hashlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator that belongs to `names` under `seed`.

    Parameters
    ----------
    seed : int
        >= 0.
    *names : str or int
        Such as a purpose, a class name and a cluster number. Other names, other independent generator.
    """
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence([seed, *(int(word) for word in words)]))
