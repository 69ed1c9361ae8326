"""The words of the command line, with help that teaches by example."""

import argparse
from collections.abc import Callable
from pathlib import Path

from core.data.sources import SOURCES
from core.output.formats import EXPORT_FORMATS
from core.version import __version__

Command = Callable[[argparse.Namespace], int]
AddCommand = Callable[[str, str, str], argparse.ArgumentParser]
"""Takes a command's name, summary and examples."""

TOP_EXAMPLES = """\
examples:
  coreset demo --out demo                          the whole method on synthetic cells, in a minute
  coreset scan cells/                              what is in a folder, and what was skipped and why
  coreset select cells/ --fraction 0.05 --out selection.csv
  coreset export cells/ --fraction 0.05 --out coreset/
  coreset run cells/ --extractor vgg16 --out study/   the paper: select, train both networks, report

Every command explains itself: coreset select --help
"""


class PlainHelp(argparse.RawDescriptionHelpFormatter):
    """Help as it is written: a per cent sign is a per cent sign, not the start of a placeholder."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        words = super()._get_help_string(action)
        return None if words is None else words.replace("%", "%%")


def build_parser(commands: dict[str, Command]) -> argparse.ArgumentParser:
    """Return the parser; `commands` maps each command's name to what runs it."""
    parser = argparse.ArgumentParser(
        prog="coreset",
        description="Choose a small, diverse training subset of a labelled image folder, and see what it costs.",
        epilog=TOP_EXAMPLES,
        formatter_class=PlainHelp,
    )
    parser.add_argument("--version", action="version", version=f"Coreset Studio {__version__}")
    sub = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, summary: str, examples: str) -> argparse.ArgumentParser:
        one = sub.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog="examples:\n" + "\n".join(f"  {line}" for line in examples.splitlines()),
            formatter_class=PlainHelp,
        )
        one.set_defaults(run=commands[name])
        return one

    for commands_of in (_looking, _choosing, _comparing, _using):
        commands_of(add)
    return parser


def _looking(add: AddCommand) -> None:
    """Add what only looks."""
    scan = add("scan", "tell what a dataset holds, and what was skipped and why", "coreset scan cells/")
    _dataset(scan)
    scan.add_argument(
        "--group-pattern", default=None, help="regular expression over paths that names a patient or slide"
    )

    extractors = add(
        "extractors",
        "list the extractors: what each needs, costs and, where computed, how well it separates the classes",
        "coreset extractors cells/\ncoreset extractors cells/ --extractor vgg16,colour-texture --compute",
    )
    _dataset(extractors)
    _split(extractors, validation=None)
    _features(extractors)
    extractors.add_argument("--compute", action="store_true", help="compute what the cache does not hold yet")


def _choosing(add: AddCommand) -> None:
    """Add what chooses, writes and checks coresets."""
    select = add(
        "select",
        "choose a coreset and write it as a list",
        "coreset select cells/ --sampler balanced-herding --fraction 0.05 --out selection.csv\n"
        "coreset select cells/ --sampler intelligent --extractor vgg16 --fraction 0.25 --seed 1 --out selection.csv\n"
        "coreset select cells/ --fraction 0.1 --test-fraction 0 --out selection.csv     every image is in the pool",
    )
    _dataset(select)
    _split(select, validation=0.0)
    _features(select)
    _selection(select)
    select.add_argument("--out", type=Path, required=True, metavar="FILE", help="the CSV to write")
    select.add_argument("--overwrite", action="store_true", help="replace the file if it is there")

    export = add(
        "export",
        "choose a coreset and write it as class folders with its lists",
        "coreset export cells/ --fraction 0.05 --out coreset/\n"
        "coreset export cells/ --fraction 0.05 --files hardlink --with-split --out coreset/\n"
        "coreset export cells/ --fraction 0.05 --private --out for-sharing/",
    )
    _dataset(export)
    _split(export, validation=0.0)
    _features(export)
    _selection(export)
    _out_folder(export)
    export.add_argument("--files", choices=tuple(EXPORT_FORMATS), default=None)
    export.add_argument("--with-split", action="store_true", default=None, help="write train/, val/ and test/")
    export.add_argument("--remainder", action="store_true", default=None, help="also write the pool's other images")
    export.add_argument("--private", action="store_true", default=None, help="names become hashes, everywhere")

    verify = add("verify", "check an export and name every file that differs", "coreset verify coreset/")
    verify.add_argument("folder", type=Path, metavar="DIR")

    rerun = add("rerun", "make the same coreset again", "coreset rerun coreset/coreset.json cells/ --out again.csv")
    rerun.add_argument("manifest", type=Path, metavar="coreset.json")
    _dataset(rerun)
    rerun.add_argument("--out", type=Path, default=None, metavar="FILE", help="write the selection as a CSV too")
    rerun.add_argument("--weights", type=Path, default=None, metavar="FILE")


def _comparing(add: AddCommand) -> None:
    """Add what trains."""
    compare = add(
        "compare",
        "train networks on coresets of several samplers and fractions and tell what is shown",
        "coreset compare cells/ --samplers random,intelligent --fractions 0.05,0.25,1 --networks custom --out study/\n"
        "coreset compare cells/ --samplers balanced-herding --fractions 0.05,0.1 --networks head --seeds 5 --out s/\n"
        "coreset compare cells/ --samplers balanced-herding --networks head --splits 5 --seeds 3 --out s/",
    )
    run = add(
        "run",
        "do everything: select, export, train both networks on 100 %, RS and IS, report",
        "coreset run cells/ --out study/\ncoreset run cells/ --extractor vgg16 --backbone vgg16 --out study/",
    )
    for one in (compare, run):
        _dataset(one)
        _split(one, validation=0.2)
        _features(one)
        _selection(one, sampler=one is run)
        _comparison(one)
        _out_folder(one)
        one.add_argument("--private", action="store_true", default=None, help="no file name or picture in the report")

    search = add(
        "search",
        "search hyperparameters on the coreset and, on request, on the whole pool beside it",
        "coreset search cells/ --fraction 0.1 --learning-rates 0.0005,0.002,0.008 --with-pool --out s/",
    )
    _dataset(search)
    _split(search, validation=0.2)
    _features(search)
    _selection(search)
    _out_folder(search)
    search.add_argument("--network", choices=("custom", "transfer"), default="custom")
    search.add_argument("--learning-rates", default="0.0005,0.002,0.008", metavar="L,…")
    search.add_argument(
        "--dropouts",
        default="0,0.1",
        metavar="D,…",
        help="after the pools; of the transfer network, which has no other, before batch normalisation",
    )
    search.add_argument(
        "--epoch-counts",
        default="25",
        metavar="N,…",
        help="--min-steps is for the largest; the others have as much less as they have fewer epochs",
    )
    search.add_argument(
        "--with-pool", action="store_true", help="search on the whole pool too, and compare the ranking"
    )
    _training(search)


def _using(add: AddCommand) -> None:
    """Add what uses trained networks, weights, and the demo."""
    predict = add(
        "predict",
        "give every image of a folder a class and its probabilities",
        "coreset predict study/models/custom-intelligent-0.25-r0 new-images/ --out predictions.csv",
    )
    predict.add_argument("bundle", type=Path, metavar="BUNDLE")
    predict.add_argument("folder", type=Path, metavar="FOLDER")
    predict.add_argument("--out", type=Path, default=Path("predictions.csv"), metavar="FILE")
    predict.add_argument("--overwrite", action="store_true")

    weights = add(
        "weights",
        "list, import or download trained weights",
        "coreset weights list\ncoreset weights import vgg16_imagenet_notop.h5\ncoreset weights download resnet101v2",
    )
    weights.add_argument("action", choices=("list", "import", "download"))
    weights.add_argument("what", nargs="?", default=None, metavar="FILE|NAME")
    weights.add_argument(
        "--as", dest="name", default=None, metavar="NAME", help="which set an unknown file is meant to be"
    )

    demo = add("demo", "run the whole method on embedded synthetic cells", "coreset demo --out demo/")
    demo.add_argument("--out", type=Path, default=Path("coreset-demo"), metavar="DIR")
    demo.add_argument("--overwrite", action="store_true")
    demo.add_argument("--images", type=int, default=None, help="number of synthetic images")
    demo.add_argument("--epochs", type=int, default=None)
    demo.add_argument("--cache", type=Path, default=None, metavar="DIR")


def _dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, metavar="DATASET", help=SOURCES.expected())
    parser.add_argument(
        "--settings", type=Path, default=None, metavar="FILE", help="settings as JSON, or a coreset.json"
    )
    parser.add_argument("--cache", type=Path, default=None, metavar="DIR", help="where computed features are kept")


def _split(parser: argparse.ArgumentParser, *, validation: float | None) -> None:
    group = parser.add_argument_group("split")
    group.add_argument("--test-fraction", type=float, default=None, metavar="F", help="default 0.3")
    group.add_argument(
        "--validation-fraction",
        type=float,
        default=None,
        metavar="F",
        help=f"share of the training images, default {0.2 if validation is None else validation:g}",
    )
    group.add_argument("--split-seed", type=int, default=None, metavar="N")
    group.add_argument(
        "--group-pattern", default=None, help="regular expression over paths that names a patient or slide"
    )
    parser.set_defaults(validation_default=validation)


def _features(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("features")
    group.add_argument("--extractor", default=None, metavar="E,…", help="one or several; see `coreset extractors`")
    group.add_argument(
        "--weights", type=Path, default=None, metavar="FILE", help="weight file for the first that needs one"
    )
    group.add_argument(
        "--untrained", action="store_true", default=None, help="seeded random weights; for tests, labelled so"
    )


def _selection(parser: argparse.ArgumentParser, *, sampler: bool = True) -> None:
    group = parser.add_argument_group("selection")
    if sampler:
        group.add_argument("--sampler", default=None, metavar="NAME", help="default intelligent, the paper's")
        group.add_argument(
            "--fraction", type=float, default=None, metavar="F", help="of the pool, 0 < F <= 1; default 0.25"
        )
        group.add_argument("--images", type=int, default=None, metavar="N", help="a number of images instead")
        group.add_argument("--seed", type=int, default=None, metavar="N", help="default 0")
    group.add_argument(
        "--budget-over-classes",
        choices=("sampler", "proportional", "equal", "square-root", "difficulty", "by-hand"),
        default=None,
    )
    group.add_argument(
        "--budget-over-clusters", choices=("equal", "proportional", "square-root", "neyman"), default=None
    )
    group.add_argument("--beta", type=float, default=None, help="exponent of the difficulty budgets")
    group.add_argument("--mu", type=float, default=None, help="balanced herding: share of equal clusters")


def _comparison(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("comparison")
    group.add_argument("--samplers", default=None, metavar="S,…", help="default random,intelligent")
    group.add_argument("--fractions", default=None, metavar="F,…", help="default 0.25,1")
    group.add_argument("--networks", default=None, metavar="N,…", help="custom, transfer, head")
    group.add_argument("--seeds", type=int, default=None, metavar="N", help="repetitions, paired; default 1")
    group.add_argument(
        "--splits",
        type=int,
        default=None,
        metavar="N",
        help="do all of it on N divisions of the images, from --split-seed on; default 1",
    )
    group.add_argument("--no-controls", action="store_true", help="leave stratified and matched random out")
    _training(parser)


def _training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument("--epochs", type=int, default=None, metavar="N", help="default 25")
    group.add_argument("--min-steps", type=int, default=None, metavar="N", help="default 750")
    group.add_argument("--image-size", type=int, default=None, metavar="PIXELS", help="default 256")
    group.add_argument("--backbone", default=None, metavar="NAME", help="default resnet101v2, the paper's")
    group.add_argument("--untrained-backbone", action="store_true", default=None, help="random weights; labelled so")
    group.add_argument("--judge-extractor", default=None, metavar="NAME", help="features that `head` is trained on")


def _out_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--overwrite", action="store_true", help="replace what an earlier call left there")
