"""The answer of a comparison as the page shows it: what was shown first, then what was not."""

from collections.abc import Sequence
from html import escape

from coreset_studio.core.results import Comparison
from coreset_studio.core.settings import STEPS

GOING_ON = "Training… The summary appears when all trainings are finished."
NOTHING_SHOWN = "No difference in accuracy between samplers was detected."


def answer_html(comparison: Comparison) -> str:
    """Return the sentences of a comparison in order of importance to the reader, with headings."""
    if not comparison.sentences:
        return escape(GOING_ON) if comparison.rows else ""
    differences = [one for one in comparison.differences if one.metric == "accuracy"]
    answers = [one.sentence for one in comparison.answers]
    answered = {one.sentence for one in comparison.differences} | set(answers)
    rest = comparison.sentences[len(answers) :]
    first = next((at for at, sentence in enumerate(rest) if sentence in answered), None)
    levels = rest[:first]
    remarks = () if first is None else tuple(s for s in rest[first:] if s not in answered)
    parts = [_first(answers)]
    if differences:
        parts.append(
            _part("Between samplers: detected", [one.sentence for one in differences if one.shown] or [NOTHING_SHOWN])
        )
        parts.append(_part("Between samplers: not detected", [one.sentence for one in differences if not one.shown]))
    parts.append(_part("Notes", remarks))
    parts.append(_part("Compared with the whole pool" if differences else "", levels))
    return "".join(parts)


def _first(answers: Sequence[str]) -> str:
    """Return the answers: the first in larger letters, which is what the page is for."""
    if not answers:
        return ""
    first, *others = answers
    head = f"<p style='margin:0 0 8px 0; font-size: large'>{escape(first)}</p>"
    return head + "".join(f"<p style='margin:0 0 8px 0'>{escape(each)}</p>" for each in others)


def how_trained(comparison: Comparison) -> str:
    """Return the mode and the devices of the trainings, or nothing before the first is done."""
    devices = list(dict.fromkeys(run.device for run in comparison.runs))
    if not devices:
        return ""
    with_steps = f" with {STEPS[comparison.steps]}" if comparison.steps in STEPS else ""
    return f"Trained{with_steps} on {' and '.join(devices)}"


def _part(heading: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    head = f"<p style='margin:0 0 4px 0'><b>{escape(heading)}</b></p>" if heading else ""
    return head + "".join(f"<p style='margin:0 0 8px 0'>{escape(sentence)}</p>" for sentence in sentences)
