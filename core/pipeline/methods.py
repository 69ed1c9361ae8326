"""The Methods paragraph of a study folder or an export."""

import json
from dataclasses import replace
from pathlib import Path

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.errors import ExportError, InputError
from coreset_studio.core.files import reason_of
from coreset_studio.core.forms import FormError, read_form, read_json, write_form
from coreset_studio.core.output.content import ReportContent
from coreset_studio.core.output.manifest import MANIFEST_NAME
from coreset_studio.core.output.methods import methods
from coreset_studio.core.output.methods_facts import MethodsFacts, SearchFacts, facts_of, facts_of_manifest
from coreset_studio.core.results import MethodsText
from coreset_studio.core.results.searches import SearchResult

FACTS = "methods.json"
EXPORT, STUDY, SEARCH = "coreset", "study.json", "search.csv"


def methods_of_content(content: ReportContent) -> MethodsText:
    """Return the Methods paragraph for the content of a report."""
    return _text(facts_of(content))


def write_facts(folder: Path, content: ReportContent, found: SearchResult | None = None) -> None:
    """Store the facts for the Methods paragraph of a study or a search in its folder."""
    values = write_form(replace(facts_of(content), search=_search(found) if found is not None else None))
    # As it was written before there were searches in it.
    if values["search"] is None:
        del values["search"]
    # Omitted where there is none, as before there were models of the user.
    values["weights"] = [{k: v for k, v in each.items() if k != "model" or v} for each in values["weights"]]
    text = json.dumps(values, ensure_ascii=False, indent=1)
    write_atomically(folder / FACTS, text.encode("utf-8", "backslashreplace") + b"\n")


def read_methods(place: Path) -> MethodsText:
    """Return the Methods paragraph of a study folder, a search folder, an export, or its `coreset.json`.

    Raises
    ------
    ExportError
        If it is neither, is not finished, or cannot be read.
    """
    if (place / FACTS).is_file():
        return _text(_read_facts(place / FACTS))
    if (place / STUDY).is_file():
        if not (place / EXPORT / MANIFEST_NAME).is_file():
            raise ExportError(
                f"{place} does not contain what a Methods paragraph is made from: the study is not finished, or was "
                "written by an earlier version. Run it again in the same folder, which keeps finished trainings."
            )
        note = (
            f"{place} was written by an earlier version or is not finished, so that only the selection is described. "
            "Run the study again in the same folder, which keeps finished trainings."
        )
        return _text(facts_of_manifest(place / EXPORT), note)
    if (place / SEARCH).is_file():
        raise ExportError(
            f"{place} does not contain what a Methods paragraph is made from: the search was written by an earlier "
            "version. Search again in the same folder with --overwrite, which keeps finished trainings."
        )
    if place.is_dir() and not (place / MANIFEST_NAME).is_file():
        raise ExportError(
            f"{place} is neither a study nor a search nor an export: it contains no {STUDY}, no {SEARCH} and no "
            f"{MANIFEST_NAME}. Name the folder of one of them."
        )
    facts = facts_of_manifest(place)
    if facts.sets is not None:
        return _text(facts)
    return _text(
        facts,
        "The export was written by a version that did not record the sizes of all sets, so that the split is not "
        "described. Export again to add it.",
    )


def _search(found: SearchResult) -> SearchFacts:
    return SearchFacts(
        network=found.network,
        method=found.method,
        trials=len(found.trials),
        pruned=found.n_pruned,
        pool=found.n_pool,
        values={title: float(found.best.values[name]) for name, title in found.titles.items()},
        test=found.test.n_images if found.test is not None else 0,
    )


def _text(facts: MethodsFacts, *notes: str) -> MethodsText:
    found = methods(facts)
    return MethodsText(found.text, found.bibtex, notes)


def _read_facts(file: Path) -> MethodsFacts:
    try:
        facts = read_form(read_json(file), MethodsFacts)
        facts.read_settings  # noqa: B018 - raises if they are damaged
    except OSError as error:
        raise ExportError(f"{file} cannot be read ({reason_of(error)}).") from error
    except (FormError, InputError) as error:
        raise ExportError(f"{file} is damaged: {error}. Run the study again in the same folder.") from error
    return facts
