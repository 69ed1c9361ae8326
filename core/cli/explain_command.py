"""The command that writes maps of what a trained network bases the class of an image on."""

import argparse

from coreset_studio.core.cli.commands import progress
from coreset_studio.core.cli.terminal import say
from coreset_studio.core.heat_map import CAUTION
from coreset_studio.core.pipeline.explaining import explain_folder


def explain(options: argparse.Namespace) -> int:
    """Write Grad-CAM maps of the images of a folder."""
    shown = progress()
    outcome = explain_folder(options.bundle, options.folder, options.out, options.class_name, options.opacity, shown)
    skipped = f", {len(outcome.skipped):,} skipped" if outcome.skipped else ""
    say(f"{outcome.n_images:,} maps computed{skipped}; written: {options.out}")
    for one in outcome.skipped:
        say(f"  {one.path}: {one.reason}")
    for note in (*outcome.notes, CAUTION):
        say(f"note: {note}")
    return 0
