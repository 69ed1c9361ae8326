"""PCA of one class beside scikit-learn's full SVD, and PCA of a large pool block by block, in one process.

    python -m benchmarks.pca [--rows 3000] [--features 25088] [--pool 9571]

Expected: at least 4 times as fast as scikit-learn at 3,000×25,088, explained variance ratios within 1e-4, distances
between reduced images within 1e-3 of theirs.
"""

import argparse
import resource
import time

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from coreset_studio.core.features.pca import ClassPca
from coreset_studio.core.features.pool_pca import PoolPca
from coreset_studio.core.results import FloatArray, IntArray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--features", type=int, default=25088)
    parser.add_argument("--pool", type=int, default=9571, help="0 leaves the pool out")
    parser.add_argument("--repeat", type=int, default=3, help="of ours; scikit-learn's runs once")
    chosen = parser.parse_args()
    one_class(chosen.rows, chosen.features, chosen.repeat)
    if chosen.pool:
        for n_components in (50, 300):
            whole_pool(chosen.pool, chosen.features, n_components)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory of this process: {peak / 2**20:.2f} GB")


def like_a_network(n: int, d: int, seed: int) -> FloatArray:
    """Rows with the falling spectrum and the many zeros of a network's last pooling layer."""
    random = np.random.default_rng(seed)
    directions = (
        random.standard_normal((400, d), dtype=np.float32) * np.geomspace(1, 0.02, 400, dtype=np.float32)[:, None]
    )
    rows = np.random.default_rng(seed + 1).standard_normal((n, 400), dtype=np.float32) @ directions
    rows += np.float32(0.5) * random.standard_normal((n, d), dtype=np.float32)
    return np.maximum(rows, 0, out=rows)


def one_class(n: int, d: int, repeat: int) -> None:
    rows = like_a_network(n, d, 0)
    seconds = []
    for _ in range(repeat):
        copy = rows.copy()
        start = time.perf_counter()
        ours = ClassPca(copy, 0.95)
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    theirs = PCA(0.95, svd_solver="full").fit(rows)
    scores = theirs.transform(rows)
    full = time.perf_counter() - start
    k = theirs.n_components_
    ratios = float(np.abs(ours.explained[:k] - theirs.explained_variance_ratio_).max())
    our_distances, their_distances = pdist(ours.scores[:1000]), pdist(scores[:1000])
    worst = float(np.max(np.abs(our_distances - their_distances) / their_distances))
    print(f"{n}×{d} to {ours.scores.shape[1]} components (scikit-learn {k}):")
    print(f"  Gram matrix {min(seconds):.1f} s (of {repeat}), scikit-learn's full SVD {full:.1f} s")
    print(f"  ratio {full / min(seconds):.1f}; expected at least 4")
    print(
        f"  explained variance ratios differ by {ratios:.1e} at most (expected 1e-4), distances by {worst:.1e} (1e-3)"
    )


def whole_pool(n: int, d: int, n_components: int) -> None:
    """Rows are made anew block by block, as they come from disk; making them is timed apart."""
    # What stands for the disk: a few hundred distinct rows, mixed.
    base = like_a_network(1200, d, 5)
    mixing = np.random.default_rng(6).random((n, 3), dtype=np.float32)
    parts = np.random.default_rng(7).integers(0, len(base), (n, 3))
    reading = 0.0

    def read(indices: IntArray) -> FloatArray:
        nonlocal reading
        start = time.perf_counter()
        rows = base[parts[indices, 0]] * mixing[indices, :1]
        for column in (1, 2):
            rows += base[parts[indices, column]] * mixing[indices, column : column + 1]
        reading += time.perf_counter() - start
        return rows

    start = time.perf_counter()
    pca = PoolPca(read, np.arange(n), d, n_components)
    pca.project(np.arange(n))
    seconds = time.perf_counter() - start
    print(f"pool {n}×{d} to {n_components} components: {seconds - reading:.1f} s, and {reading:.1f} s of making rows")


if __name__ == "__main__":
    main()
