"""Choose a coreset in a notebook: `CoresetSelector` on the handwritten digits that come with scikit-learn.

Each `# %%` starts a cell in editors that know them; the file also runs as it is: `python docs/selector_example.py`.
"""

# %% [markdown]
# # A coreset in five lines
# `CoresetSelector` works on arrays: rows of features and a label for each. Any features will do, such as those of a
# network; here they are the 64 pixels of small digits. Half of the images are set aside to test on.

# %%
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from core.selection.selector import CoresetSelector

X, y = load_digits(return_X_y=True)
X = X / 16.0
pool, test, pool_labels, test_labels = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)

selector = CoresetSelector(sampler="balanced-herding", fraction=0.05, random_state=0).fit(pool, pool_labels)
print(f"{len(selector.indices_)} of {len(pool)} images; by class {selector.budgets_}")

# %% [markdown]
# `indices_` are the rows chosen, `clusters_` says in which cluster of its class each row of the pool is, and `order_`
# holds the chosen rows in the order in which they were chosen: for a nested sampler the first ten rows of a large
# coreset are the coreset of ten.

# %%
small = CoresetSelector(fraction=0.02, random_state=0).fit(pool, pool_labels)
n_small = len(small.order_)
print(
    f"the first {n_small} of the large coreset are the small one: {(selector.order_[:n_small] == small.order_).all()}"
)
print(f"clusters of class 0: {np.bincount(selector.clusters_[pool_labels == 0])}")


# %% [markdown]
# ## Is it better than chance?
# Ask the question fairly: the same classifier and the same test images, stratified random of the same size beside it,
# and that drawn several times, since one draw proves nothing.


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
# Several views side by side, such as the features of two networks, are told apart by their numbers of columns, and each
# then counts the same.

# %%
halves = CoresetSelector(fraction=0.05, blocks=(32, 32)).fit(pool, pool_labels)
print(
    f"with the upper and the lower half as two views: {len(np.intersect1d(halves.indices_, selector.indices_))} in both"
)
