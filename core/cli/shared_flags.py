"""Flags that several commands share."""

import argparse
from collections.abc import Collection, Mapping

from coreset_studio.core.cli.flags import add_flags
from coreset_studio.core.cli.paths import path_of
from coreset_studio.core.data.sources import SOURCES


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Add the dataset, a settings file and the folder of the cache."""
    parser.add_argument("dataset", type=path_of, metavar="DATASET", help=SOURCES.expected())
    parser.add_argument(
        "--settings", type=path_of, default=None, metavar="FILE", help="settings as JSON, or a coreset.json"
    )
    parser.add_argument("--cache", type=path_of, default=None, metavar="DIR", help="folder for computed features")


def add_settings(
    parser: argparse.ArgumentParser,
    *sections: str,
    validation: float | None = None,
    without: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Add the flags of sections of the settings; `validation` is the command's own default for its fraction."""
    defaults = {"features.extractors": "those recommended whose weights are on this machine"}
    if "search" in sections:
        defaults["search.method"] = "tpe, or grid if one of its lists or a settings file is given"
    if validation is not None:
        defaults["data.validation_fraction"] = f"{validation:g}"
    add_flags(parser, {section: (without or {}).get(section, ()) for section in sections}, defaults)
    if "training" in sections:
        parser.add_argument(
            "--no-validation",
            dest="data.validation_fraction",
            action="store_const",
            const=0.0,
            help="same as --validation-fraction 0: also train on the validation images, and keep the last weights",
        )
    parser.set_defaults(validation_default=validation)


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add the weight file of an extractor."""
    parser.add_argument(
        "--weights",
        type=path_of,
        default=None,
        metavar="FILE",
        help="weight file for the first extractor that needs one",
    )


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the number of threads."""
    parser.add_argument(
        "--threads",
        type=count,
        default=None,
        metavar="N",
        help="maximum number of processor threads; 1 gives the same weights on any number of processors; default all",
    )


def add_at_once(parser: argparse.ArgumentParser) -> None:
    """Add the number of trainings at once."""
    parser.add_argument(
        "--at-once",
        type=count,
        default=1,
        metavar="N",
        help="train up to N networks at once, fewer if memory is short; each uses the number of --threads, so that the "
        "results are those of one at a time; default 1",
    )


def add_scheduler(parser: argparse.ArgumentParser, what: str = "extract features") -> None:
    """Add the scheduler and its TLS files; `what` is what its workers do."""
    group = parser.add_argument_group(
        "several machines", "See docs/cluster.md. Dask runs code that is sent to it: use it in a trusted network only."
    )
    group.add_argument(
        "--scheduler",
        default=None,
        metavar="ADDRESS",
        help=f"{what} on the workers of this Dask scheduler: HOST:PORT, or tls://HOST:PORT with these files",
    )
    files = {"ca": "certificate of the authority", "cert": "own certificate", "key": "own private key"}
    for name, what in files.items():
        group.add_argument(
            f"--tls-{name}", type=path_of, default=None, metavar="FILE", help=f"{what} for TLS, as a PEM file"
        )


def count(text: str) -> int:
    """Return a typed number of at least 1."""
    try:
        number = int(text)
        if number < 1:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"it is {text!r}; expected a whole number of at least 1") from None
    return number


def add_out_folder(parser: argparse.ArgumentParser) -> None:
    """Add the folder that the command writes, and whether it replaces what is there."""
    parser.add_argument("--out", type=path_of, required=True, metavar="DIR")
    parser.add_argument("--overwrite", action="store_true", help="replace existing output")
