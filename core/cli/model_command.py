"""The command that adds models of the user as extractors, and lists, shows and removes them.

A model that is added is opened and run in an engine process with limits of time and memory.
"""

import argparse
from pathlib import Path

from coreset_studio.core.cli.commands import progress
from coreset_studio.core.cli.flags import given_values
from coreset_studio.core.cli.terminal import say, table
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.features.own_models.store import own_model_named
from coreset_studio.core.service.at_once import answer
from coreset_studio.core.service.model_requests import MODEL_SETTINGS, AddModel, ListModels, ModelSummary, RemoveModel
from coreset_studio.core.words import byte_size


def model(options: argparse.Namespace) -> int:
    """Add, list, show or remove models."""
    if options.action == "list":
        return _list()
    if not options.what:
        what = "an ONNX file" if options.action == "add" else "the name of a model; `coreset model list` shows them"
        raise SettingsError(f"coreset model {options.action} requires {what}; see coreset model --help.")
    if options.action == "add":
        return _add(options)
    name = own_model_named(options.what).name
    if options.action == "remove":
        removed = RemoveModel(name).run(progress())
        say(f"{removed.title} (extractor {removed.name}) was removed. Projects that use it name it as missing.")
        return 0
    _show(next(each for each in ListModels().run(progress()) if each.name == name))
    return 0


def _add(options: argparse.Namespace) -> int:
    changes = given_values(options, MODEL_SETTINGS)
    request = AddModel(Path(options.what), options.name, options.description, changes)
    added = answer(request, progress(), threads=options.threads)
    for note in added.notes:
        say(f"note: {note}")
    _show(added)
    say(
        f"checked on 8 synthetic images: {added.width:,} finite features, the same each time; the size of the batch "
        f"changes them by at most {added.difference:.1g} (relative)"
    )
    say(f"The model was added as the extractor {added.name}: coreset select … --extractor {added.name}")
    return 0


def _list() -> int:
    rows = [
        [each.name, each.title, f"{each.width:,}", byte_size(each.n_bytes), each.sha256[:16]]
        for each in ListModels().run(progress())
    ]
    if rows:
        print(table(["name", "title", "features", "size", "SHA-256"], rows, {2, 3}))
    else:
        say("No models of your own were added; `coreset model add FILE.onnx` adds one.")
    return 0


def _show(one: ModelSummary) -> None:
    rate = f"{1 / one.seconds_per_image:.3g} images/s on one thread" if one.seconds_per_image else "not measured"
    for name, value in (
        ("extractor", one.name),
        ("title", one.title),
        ("state", "unverified model: added by the user"),
        ("SHA-256", one.sha256),
        ("size", f"{byte_size(one.n_bytes)}, {one.n_parameters:,} parameters"),
        ("images", one.preparation),
        ("features", f"{one.width:,}"),
        ("speed", f"{rate}, in batches of {one.batch}"),
        ("source", one.source or "not given"),
        ("licence", one.licence or "not given"),
        ("file", one.file),
    ):
        say(f"{name:<10} {value}")
