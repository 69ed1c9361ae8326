"""The linear probe: logistic regression on the embeddings of one extractor."""

from dataclasses import dataclass

from coreset_studio.core.descriptions import Cost, SettingsPart, choice
from coreset_studio.core.training.network import Network


@dataclass(frozen=True, kw_only=True)
class HeadSettings(SettingsPart):
    """Settings that only the linear probe reads.

    Attributes
    ----------
    judge_extractor : str
        Extractor whose across-class embeddings it is trained on; empty: the first one selected.
    """

    judge_extractor: str = choice(
        "", neutral="", kept=True, flat=True, title="Features of the linear probe", kind="extractor",
        tip="Preferably an extractor that the sampler did not use", empty="The first selected extractor",
        question="A sampler can look good in the feature space that it selected in. A probe on other features "
        "shows how much of the gain remains.",
    )  # fmt: skip


DESCRIPTION = Network(
    name="head",
    title="Linear probe",
    tip="Logistic regression on features: seconds per run, for many repetitions",
    words="linear probe",
    source="Ours; multinomial logistic regression of scikit-learn",
    references=("pedregosa2011",),
    methods="a linear probe, which is multinomial logistic regression on features",
    does="coreset_studio.core.training.architectures.head.training:train",
    settings=HeadSettings,
    help="coreset_studio.resources:help/networks/head.html",
    # Per image trained on, on a busy machine: 120 in 1.3 s, 2,394 in 27 s.
    cost=Cost(seconds_per_image=0.011),
    place=30,
    sees="embeddings",
    # Its components and its penalty are selected once; nothing of how other networks are trained changes it.
    reads=(),
    extractor_setting="judge_extractor",
    strength_from="coreset_studio.core.training.architectures.head.logistic:kept_strength",
)
