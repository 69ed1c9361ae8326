"""The fast judge: logistic regression on the embeddings of one extractor."""

from dataclasses import dataclass

from core.descriptions import Cost, SettingsPart, choice
from core.training.network import Network


@dataclass(frozen=True, kw_only=True)
class HeadSettings(SettingsPart):
    """What the head alone reads.

    Attributes
    ----------
    judge_extractor : str
        Extractor whose across-class embeddings it is trained on; empty: the first one chosen.
    """

    judge_extractor: str = choice(
        "", neutral="", kept=True, flat=True, title="Features of the fast judge", kind="extractor",
        tip="Best is one that the sampler did not see", empty="The first extractor chosen",
        question="A sampler can look good in the space that it chose in. A judge with other features shows what "
        "is left.",
    )  # fmt: skip


DESCRIPTION = Network(
    name="head",
    title="Fast judge (head)",
    tip="Logistic regression on features: seconds a run, for many repetitions",
    words="head",
    source="Ours; multinomial logistic regression of scikit-learn",
    does="core.training.architectures.head.training:train",
    settings=HeadSettings,
    help="resources:help/networks/head.html",
    # Per image trained on, on a busy machine: 120 in 1.3 s, 2,394 in 27 s.
    cost=Cost(seconds_per_image=0.011),
    place=30,
    sees="embeddings",
    # Its components and its penalty are chosen once; nothing of how other networks are trained changes it.
    reads=(),
    extractor_setting="judge_extractor",
    strength_from="core.training.architectures.head.logistic:kept_strength",
)
