"""Select a coreset in a notebook: `CoresetSelector` on the handwritten digits of scikit-learn.

Each `# %%` starts a cell in editors that support cells. To run the file as a script: `python docs/selector_example.py`.
"""

# %% [markdown]
# # A coreset in five lines
# `CoresetSelector` works on arrays: rows of features with a label for each. It accepts any features, such as those of a
# network; here they are the 64 pixels of small digits. Half of the images are set aside for testing.

# %%
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from coreset_studio import CoresetSelector

X, y = load_digits(return_X_y=True)
X = X / 16.0
pool, test, pool_labels, test_labels = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)

selector = CoresetSelector(sampler="balanced-herding", fraction=0.05, random_state=0).fit(pool, pool_labels)
print(f"{len(selector.indices_)} of {len(pool)} images; by class {selector.budgets_}")

# %% [markdown]
# `indices_` contains the selected rows, `clusters_` the cluster of each row of the pool within its class, and `order_`
# the selected rows as ranked by the sampler: for a nested sampler, the first ten rows of a large
# coreset are the coreset of ten.

# %%
small = CoresetSelector(fraction=0.02, random_state=0).fit(pool, pool_labels)
n_small = len(small.order_)
print(
    f"the first {n_small} of the large coreset are the small one: {(selector.order_[:n_small] == small.order_).all()}"
)
print(f"clusters of class 0: {np.bincount(selector.clusters_[pool_labels == 0])}")


# %% [markdown]
# ## Is it better than random?
# For a fair comparison, use the same classifier and test images, and stratified random of the same size as a baseline,
# drawn several times, since a single draw proves nothing.


# %%
def accuracy(rows: np.ndarray) -> float:
    """Train on some rows of the pool and return the accuracy on the test images."""
    model = LogisticRegression(C=10.0, max_iter=2000).fit(pool[rows], pool_labels[rows])
    return float(model.score(test, test_labels))


largest = CoresetSelector("balanced-herding", 0.1, random_state=0).fit(pool, pool_labels).order_
draws = [CoresetSelector("stratified", 0.1, random_state=seed).fit(pool, pool_labels).order_ for seed in range(5)]
results: dict[float, tuple[float, float, float]] = {}
for fraction in (0.02, 0.05, 0.1):
    n = round(fraction * len(pool))
    drawn = [accuracy(order[:n]) for order in draws]
    results[fraction] = (accuracy(largest[:n]), float(np.mean(drawn)), float(np.std(drawn, ddof=1)))
    print("{:4.0%}: balanced herding {:.3f}, stratified random {:.3f} ± {:.3f}".format(fraction, *results[fraction]))

# %% [markdown]
# Several concatenated views, such as the features of two networks, are specified by their numbers of columns; each has
# the same weight.

# %%
halves = CoresetSelector(fraction=0.05, blocks=(32, 32)).fit(pool, pool_labels)
print(
    f"with the upper and the lower half as two views: {len(np.intersect1d(halves.indices_, selector.indices_))} in both"
)
