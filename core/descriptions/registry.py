"""Registries of descriptions, from a folder of the program and from installed packages.

A package registers a description of its own through an entry point, in the group ``coreset_studio.samplers`` or that
of another kind. One that cannot be used is excluded and named in `plugin_problems`.
"""

import importlib
import pkgutil
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Generic, TypeVar

from coreset_studio.core.descriptions.description import Description, resolve

D = TypeVar("D", bound=Description)

# Where the registry of each kind is defined.
KINDS: Mapping[str, str] = {
    "source": "coreset_studio.core.data.sources:SOURCES",
    "extractor": "coreset_studio.core.features.extractors:EXTRACTORS",
    "sampler": "coreset_studio.core.selection.samplers:SAMPLERS",
    "network": "coreset_studio.core.training.architectures:NETWORKS",
    "metric": "coreset_studio.core.training.metrics:METRICS",
    "export format": "coreset_studio.core.output.formats:EXPORT_FORMATS",
}


NO_PLUGINS = "The packaged program does not load plugins; install Coreset Studio with pip to use them."


@dataclass(frozen=True)
class Plugin:
    """An installed package that registers descriptions; `name` and `version` are those of the package."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class PluginProblem:
    """A description of a plugin that is excluded, and why, in one sentence."""

    kind: str
    name: str
    plugin: Plugin
    sentence: str


@dataclass(frozen=True)
class Added:
    """Descriptions of a kind that the user adds and removes while programs are running.

    Attributes
    ----------
    found : str
        ``"module:function"`` that yields the descriptions, and a `PluginProblem` for each that cannot be used.
    stamp : str
        ``"module:function"`` that returns what changes when one is added or removed.
    way : str
        What to do where one is missing, as a sentence.
    """

    found: str
    stamp: str
    way: str


class Registry(Mapping[str, D], Generic[D]):
    """The descriptions of one kind by name, in the order in which they are offered; looked for at the first use.

    Parameters
    ----------
    kind : str
        In words, such as ``"sampler"``.
    described_by : type of Description
    package : str
        Each module or folder in it that has a `DESCRIPTION`, or several `DESCRIPTIONS`, is one of the program's own.
    group : str
        Of the entry points that plugins register theirs under.
    added : Added, optional
        Descriptions that the user adds; those of a process follow what another process adds or removes.
    """

    def __init__(self, kind: str, described_by: type[D], package: str, group: str, added: Added | None = None) -> None:
        self.kind, self.group = kind, group
        self._described_by, self._package, self._added = described_by, package, added
        self._stamp: object = None
        self._lock = threading.RLock()
        self._found: dict[str, D] | None = None
        self._plugins: dict[str, Plugin] = {}
        self._problems: list[PluginProblem] = []

    def __getitem__(self, name: str) -> D:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"<{self.kind}s: {', '.join(self)}>"

    @property
    def plugins(self) -> Mapping[str, Plugin]:
        """The plugin that each description is from, by name; the program's own are missing."""
        self._all()
        return self._plugins

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """Descriptions of plugins that were excluded."""
        self._all()
        return tuple(self._problems)

    def titles(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """Return names and titles, of all or of some; a name that is not known is its own title."""
        return {name: self[name].title if name in self else name for name in (self if names is None else names)}

    def unknown(self, name: str) -> str:
        """Return the sentence for a name that is not known, with those that are."""
        article = "an" if self.kind[0] in "aeiou" else "a"
        problem = next((each for each in self.problems if each.name == name), None)
        if problem is not None:
            return problem.sentence
        way = "install that" if takes_plugins() else NO_PLUGINS[0].lower() + NO_PLUGINS[1:].rstrip(".")
        return (
            f"There is no {self.kind} named {name!r}; choose from {', '.join(self)}. "
            f"If it is {article} {self.kind} of a plugin, {way}."
            f"{f' {self._added.way}' if self._added is not None else ''}"
        )

    def reload(self) -> None:
        """Look again at the next use, as after a plugin was installed; for tests."""
        with self._lock:
            self._found = None

    def _all(self) -> dict[str, D]:
        with self._lock:
            stamp = resolve(self._added.stamp)() if self._added is not None else None
            if self._found is None or stamp != self._stamp:
                self._plugins, self._problems, self._stamp = {}, [], stamp
                found = {each.name: each for each in self._built_in()}
                if self._added is not None:
                    self._add_users(found, self._added)
                if takes_plugins():
                    self._add_plugins(found)
                self._found = dict(sorted(found.items(), key=lambda item: (item[1].place, item[0])))
            return self._found

    def _built_in(self) -> Iterator[D]:
        package = importlib.import_module(self._package)
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{self._package}.{info.name}")
            several = getattr(module, "DESCRIPTIONS", None)
            one = getattr(module, "DESCRIPTION", None)
            yield from several if several is not None else () if one is None else (one,)

    def _add_users(self, found: dict[str, D], added: Added) -> None:
        for each in resolve(added.found)():
            if isinstance(each, PluginProblem):
                self._problems.append(each)
            elif each.name in found:
                taken = (
                    f"The {self.kind} {each.title} was not loaded: the name {each.name} is taken by the program itself."
                )
                self._leave_out(each.name, Plugin("user", ""), f"{taken} Remove it, and add it under another name.")
            else:
                found[each.name] = each

    def _add_plugins(self, found: dict[str, D]) -> None:
        for entry in sorted(metadata.entry_points(group=self.group), key=lambda each: (each.name, each.value)):
            plugin = Plugin(entry.dist.name, entry.dist.version) if entry.dist is not None else Plugin("unknown", "")
            what = f"The {self.kind} {entry.name} of the plugin {plugin} was not loaded"
            try:
                description = entry.load()
            except (Exception, SystemExit) as error:  # a plugin may raise anything
                why = f"{what} ({type(error).__name__}: {error}). Update or remove the plugin."
                self._leave_out(entry.name, plugin, why)
                continue
            if not isinstance(description, self._described_by):
                expected = f"{self._described_by.__module__}.{self._described_by.__name__}"
                self._leave_out(entry.name, plugin, f"{what}: {entry.value} is not a {expected}.")
            elif description.name in found:
                owner = self._plugins.get(description.name, "the program itself")
                taken = f"{what}: the name {description.name} is taken by {owner}."
                self._leave_out(entry.name, plugin, f"{taken} Remove one of the two plugins, or rename it.")
            else:
                found[description.name] = description
                self._plugins[description.name] = plugin

    def _leave_out(self, name: str, plugin: Plugin, sentence: str) -> None:
        self._problems.append(PluginProblem(self.kind, name, plugin, sentence))


def takes_plugins() -> bool:
    """Return whether plugins are looked for: the packaged program has no Python that they could be installed into."""
    return not getattr(sys, "frozen", False)


def registry(kind: str) -> "Registry[Description]":
    """Return the registry of a kind, such as ``"sampler"``."""
    found: Registry[Description] = resolve(KINDS[kind])
    return found


def all_kinds() -> dict[str, "Registry[Description]"]:
    """Return every registry by kind."""
    return {kind: registry(kind) for kind in KINDS}


def plugin_problems() -> tuple[PluginProblem, ...]:
    """Return what was excluded of all kinds."""
    return tuple(problem for one in all_kinds().values() for problem in one.problems)


def plugins_used(names: Mapping[str, Iterable[str]]) -> dict[str, Plugin]:
    """Return the plugins of some descriptions.

    Parameters
    ----------
    names : mapping of str to iterable of str
        By kind.

    Returns
    -------
    dict of str to Plugin
        By ``"kind name"``; the program's own are missing.
    """
    found: dict[str, Plugin] = {}
    for kind, used in names.items():
        plugins = registry(kind).plugins
        found |= {f"{kind} {name}": plugins[name] for name in used if name in plugins}
    return found
