"""One setting: its value, and the facts that flags, controls, checks, stored forms and documentation are made from."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field
from typing import Any

from coreset_studio.core.errors import SettingsError

_KEY = "choice"
_OWN = "own"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The facts of one setting.

    Attributes
    ----------
    title : str
        Its label in the window and in the documentation.
    tip : str
        One line: what it does. Tooltip, help of the flag, line of the documentation.
    neutral : object
        What the program did before the setting existed. It never changes, even if the default does: stored
        forms and keys leave a setting out that has this value, and one that a stored form does not name has it.
    kept : bool
        Written even where it is neutral: the settings of the first version, whose stored forms name all of them.
    flag : str
        On the command line; empty: its name with hyphens.
    least, most : float or None
        The ends of its range, included.
    above, below : float or None
        The ends of its range, not included.
    offered : (float, float) or None
        The ends of what the window offers, where its range is wider or has no end.
    must : str
        What is expected, as the end of "must be …".
    values : mapping of str to str
        The values that can be selected, with their titles; empty where any value of its kind can.
    kind : str
        The kind of description that it names, such as ``"sampler"``; empty for any other setting.
    only : str
        Of a `kind`: the fact, true or false, that a description must have to be offered, such as ``"backbone"``.
    empty : str
        Of a `kind`: what the empty name means, where it can be selected.
    question : str
        What the window explains behind a "?", in two sentences.
    unit : str
        Behind the value in the window, such as ``" %"``.
    factor : float
        What the window shows is the value times this, such as 100 for a share shown in per cent.
    step : float
        Of the window's control, in what is shown; 0: one step of the last digit.
    decimals : int
        Of the window's control.
    typed : str
        What represents a value of a list in the help of its flag, such as ``"RULE"``; empty: ``"PATH"`` or ``"CLASS"``.
    from_dataset : str
        ``"module:attribute"`` of a function from a `core.results.Dataset` to the value that suits its images, for who
        requests it: ``auto`` on the command line, a button in the window. What is kept is the value. Empty: none.
    from_file : str
        ``"module:function"`` of what reads the value from a file on the command line; see
        `core.data.label_files.labels_from_file`. Empty: what is typed is the value.
    flat : bool
        Of a description's own setting: stored in the section itself, under its plain name.
    """

    title: str
    tip: str
    neutral: Any = None
    kept: bool = False
    flag: str = ""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    offered: tuple[float, float] | None = None
    must: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    only: str = ""
    empty: str = ""
    question: str = ""
    unit: str = ""
    factor: float = 1.0
    step: float = 0.0
    decimals: int = 3
    typed: str = ""
    from_dataset: str = ""
    from_file: str = ""
    flat: bool = False

    def allows(self, value: Any) -> bool:
        """Return whether a value, of the right type, is one that can be selected."""
        if value is None:
            return True
        if self.values and isinstance(value, str):
            return value in self.values
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        return (
            math.isfinite(value)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )


def choice(default: Any = MISSING, *, factory: Any = MISSING, neutral: Any = MISSING, **facts: Any) -> Any:
    """Return a dataclass field for one setting.

    Parameters
    ----------
    default : object
        The value that is used unless another is set.
    factory : callable, optional
        Makes the default where it must not be shared, such as `dict`.
    neutral : object
        See `Choice`. Required; it may differ from the default.
    **facts
        Those of `Choice`.

    Raises
    ------
    TypeError
        Without `neutral`: taken from the default it would change with it.
    """
    if neutral is MISSING:
        raise TypeError(f"the setting {facts.get('title', '')!r} has no neutral value")
    metadata = {_KEY: Choice(neutral=neutral, **facts)}
    if factory is not MISSING:
        return field(default_factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)


def own(kind: str) -> Any:
    """Return a dataclass field for what the descriptions of a kind have as settings of their own, by name."""
    return field(default_factory=dict, metadata={_OWN: kind})


def own_kind(field_: "dataclasses.Field[Any]") -> str:
    """Return the kind whose own settings a field holds; empty for any other field."""
    return str(field_.metadata.get(_OWN, ""))


def choices_of(part: Any) -> Iterator[tuple[str, Choice]]:
    """Yield name and facts of each setting of a dataclass or of an instance of one."""
    for each in dataclasses.fields(part):
        facts = each.metadata.get(_KEY)
        if facts is not None:
            yield each.name, facts


@dataclass(frozen=True, kw_only=True)
class SettingsPart:
    """A frozen dataclass of settings made by `choice`; it checks their ranges.

    Raises
    ------
    SettingsError
        When it is made with a value out of its range, naming it.
    """

    def __post_init__(self) -> None:
        for name, facts in choices_of(self):
            value = getattr(self, name)
            if not facts.allows(value):
                raise SettingsError(f"{name} must be {facts.must or _range(facts)}; found {value}.")


def _range(facts: Choice) -> str:
    if facts.values:
        return f"one of {', '.join(facts.values)}"
    ends = (("at least", facts.least), ("at most", facts.most), ("above", facts.above), ("below", facts.below))
    return "a number " + " and ".join(f"{word} {end:g}" for word, end in ends if end is not None)
