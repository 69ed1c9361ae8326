"""The words of the command line, with help that teaches by example."""

import argparse
from collections.abc import Callable
from pathlib import Path

from coreset_studio.core.cli.flags import SECTIONS, add_flags, add_part_flags
from coreset_studio.core.cli.paths import path_of
from coreset_studio.core.cli.shared_flags import (
    add_at_once,
    add_dataset,
    add_out_folder,
    add_scheduler,
    add_settings,
    add_threads,
    add_weights,
    count,
)
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.heat_map import OPACITY
from coreset_studio.core.project import NOT_COMPARED
from coreset_studio.core.service.model_requests import MODEL_SETTINGS
from coreset_studio.core.settings.listed import settings_in
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.version import __version__

Command = Callable[[argparse.Namespace], int]
AddCommand = Callable[[str, str, str], argparse.ArgumentParser]
"""Takes a command's name, summary and examples."""

READ_BY = ("grey_levels", "alpha", "pages", "window", "channels")
"""Settings of the data by which the images of a prediction are read, too."""

NOT_EXTERNAL = (
    "test_fraction", "validation_fraction", "split_seed", "folds", "group_pattern", "header_groups", "left_out_classes",
    "keep_one_of_duplicates", "drop_leaks", "near_duplicates_together", "near_duplicate_bits",
)  # fmt: skip
"""Settings of the data that say how images are divided, which is not done for an external test."""

TOP_EXAMPLES = """\
examples:
  coreset demo --out demo                          the whole method on synthetic cells, in a minute
  coreset scan cells/                              what is in a folder, and what was skipped and why
  coreset size cells/ --margin 0.02                how many images are needed to lose at most 2 points
  coreset select cells/ --fraction 0.05 --out selection.csv
  coreset export cells/ --fraction 0.05 --out coreset/
  coreset run cells/ --extractor vgg16 --out study/   the paper: select, train both networks, report

Every command explains itself: coreset select --help
"""


class PlainHelp(argparse.RawDescriptionHelpFormatter):
    """Help without formatting: a per cent sign is a per cent sign, not the start of a placeholder."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        words = super()._get_help_string(action)
        return None if words is None else words.replace("%", "%%")


def build_parser(commands: dict[str, Command]) -> argparse.ArgumentParser:
    """Return the parser; `commands` maps each command's name to what runs it."""
    parser = argparse.ArgumentParser(
        prog="coreset",
        description="Select a small, diverse training subset of a labelled image folder, and measure what it costs in "
        "accuracy.",
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

    for commands_of in (_looking, _sizing, _choosing, _differing, _comparing, _using, _providing):
        commands_of(add)
    return parser


def _looking(add: AddCommand) -> None:
    """Add what only looks."""
    scan = add("scan", "list what a dataset contains, and what was skipped and why",
               "coreset scan cells/\ncoreset scan cells/ --quality quality.csv --blurry-above 1.5")  # fmt: skip
    add_dataset(scan)
    add_settings(scan, "data", "quality")
    scan.add_argument(
        "--quality",
        type=path_of,
        default=None,
        metavar="FILE",
        help="write a CSV with the flags and the values of the quality checks of every image",
    )

    extractors = add(
        "extractors",
        "list the extractors: their requirements, cost and, if computed, how well they separate the classes",
        "coreset extractors cells/\ncoreset extractors cells/ --extractor vgg16,colour-texture --compute",
    )
    add_dataset(extractors)
    add_settings(extractors, "data", "features")
    add_weights(extractors)
    features = add(
        "features",
        "write the features of an extractor to a file, with the path of each row",
        "coreset features cells/ --extractor colour-texture --out features.npy     with the paths in features.csv\n"
        "coreset features cells/ --extractor vgg16 --out features.h5\n"
        "coreset select cells/ --features-file features.npy --fraction 0.05 --out selection.csv     read it again",
    )
    add_dataset(features)
    add_settings(features, "data", "features")
    add_weights(features)
    features.add_argument(
        "--out", type=path_of, required=True, metavar="FILE", help="the .npy, .h5 or .csv to write, by its ending"
    )
    features.add_argument("--overwrite", action="store_true", help="replace existing files")
    embed = add(
        "embed",
        "extract features into the cache, also on several machines",
        "coreset embed cells/ --extractor vgg16\n"
        "coreset embed cells/ --extractor colour-texture,vgg16 --scheduler 10.0.0.5:8786\n"
        "coreset embed cells/ --scheduler tls://10.0.0.5:8786 --tls-ca ca.pem --tls-cert me.pem --tls-key me.key",
    )
    add_dataset(embed)
    add_settings(embed, "data", "features")
    add_weights(embed)
    for one in (extractors, features, embed):
        add_scheduler(one)

    extractors.add_argument("--compute", action="store_true", help="compute what is not in the cache yet")


def _choosing(add: AddCommand) -> None:
    """Add what selects, writes and checks coresets."""
    select = add(
        "select",
        "select a coreset and write it as a list",
        "coreset select cells/ --sampler balanced-herding --fraction 0.05 --out selection.csv\n"
        "coreset select cells/ --sampler intelligent --extractor vgg16 --fraction 0.25 --seed 1 --out selection.csv\n"
        "coreset select cells/ --fraction 0.1 --test-fraction 0 --out selection.csv     every image is in the pool",
    )
    add_dataset(select)
    add_scheduler(select)
    add_settings(select, "data", "features", "clusters", "selection", validation=0.0)
    add_weights(select)
    select.add_argument("--out", type=path_of, required=True, metavar="FILE", help="the CSV to write")
    select.add_argument("--overwrite", action="store_true", help="replace the file if it exists")

    export = add(
        "export",
        "select a coreset and write it as class folders with its lists",
        "coreset export cells/ --fraction 0.05 --out coreset/\n"
        "coreset export cells/ --fraction 0.05 --files hardlink --with-split --out coreset/\n"
        "coreset export cells/ --fraction 0.05 --private --out for-sharing/",
    )
    add_dataset(export)
    add_scheduler(export)
    add_settings(export, "data", "features", "clusters", "selection", "export", validation=0.0)
    add_weights(export)
    add_out_folder(export)

    verify = add("verify", "check an export and list every file that differs", "coreset verify coreset/")
    verify.add_argument("folder", type=path_of, metavar="DIR")

    rerun = add("rerun", "reproduce a coreset", "coreset rerun coreset/coreset.json cells/ --out again.csv")
    rerun.add_argument("manifest", type=path_of, metavar="coreset.json")
    add_dataset(rerun)
    rerun.add_argument("--out", type=path_of, default=None, metavar="FILE", help="write the selection as a CSV too")
    rerun.add_argument("--weights", type=path_of, default=None, metavar="FILE")
    # Files that settings name by their content may be elsewhere now.
    not_files = {each.name for each in settings_in("features") if not each.facts.from_file}
    add_flags(rerun, {"features": not_files}, {})


def _differing(add: AddCommand) -> None:
    """Add what compares coresets without training."""
    diff = add(
        "diff",
        "list which images two exports share, and which only one has",
        "coreset diff coreset-a/ coreset-b/\ncoreset diff a/coreset.json b/coreset.json --out difference.csv",
    )
    diff.add_argument("a", type=path_of, metavar="A", help="an export, or its coreset.json")
    diff.add_argument("b", type=path_of, metavar="B", help="another one")
    stability = add(
        "stability",
        "count how often each image is selected over several splits and seeds",
        "coreset stability cells/ --fraction 0.05 --out stability.csv\n"
        "coreset stability cells/ --sampler random --fraction 0.05 --splits 1 --seeds 20 --out stability.csv",
    )
    add_dataset(stability)
    add_settings(stability, "data", "features", "clusters", "selection", validation=0.0)
    add_weights(stability)
    add_scheduler(stability)
    stability.add_argument("--splits", type=count, default=5, metavar="N", help="splits; default 5")
    stability.add_argument(
        "--seeds", type=count, default=2, metavar="N",
        help="seeds of the selection for each split; default 2, and 1 for a sampler that draws nothing",
    )  # fmt: skip
    for one in (diff, stability):
        one.add_argument("--out", type=path_of, default=None, metavar="FILE", help="write a CSV with a row per image")
        one.add_argument("--overwrite", action="store_true", help="replace the file if it is there")


def _sizing(add: AddCommand) -> None:
    """Add the estimate of how many images are needed."""
    size = add(
        "size",
        "estimate how many images are needed for a maximum loss of accuracy",
        "coreset size cells/ --margin 0.02\n"
        "coreset size cells/ --margin 0.02 --sampler even-herding --out sizes.csv\n"
        "coreset size cells/ --margin 0.03 --network transfer --check     train once at that size, and test it",
    )
    add_dataset(size)
    without = {"selection": ("fraction", "images", "fraction_by_class", "pinned_in", "pinned_out", "continue_from")}
    add_settings(size, "data", "features", "clusters", "selection", "training", validation=0.2, without=without)
    add_weights(size)
    add_threads(size)
    add_scheduler(size)
    size.add_argument(
        "--margin",
        default="0.02",
        metavar="SHARE",
        help="the accuracy that may be lost against training on the whole pool; default 0.02, which is 2 points",
    )
    size.add_argument(
        "--network",
        choices=tuple(NETWORKS),
        default=None,
        help="whose training time is estimated, and which --check and --train-curves train; default the first one of a "
        "comparison",
    )
    size.add_argument(
        "--train-curves",
        action="store_true",
        help="measure with the network instead of the linear probe: 75 trainings as a rule, each kept in the cache",
    )
    size.add_argument(
        "--check",
        action="store_true",
        help="train the network once at that size and once on the whole pool, and test both on the test images",
    )
    size.add_argument("--out", type=path_of, default=None, metavar="FILE", help="write the curves as a CSV")
    size.add_argument("--overwrite", action="store_true", help="replace the file if it is there")


def _comparing(add: AddCommand) -> None:
    """Add what trains."""
    compare = add(
        "compare",
        "train networks on coresets of several samplers and fractions and report the differences",
        "coreset compare cells/ --samplers random,intelligent --fractions 0.05,0.25,1 --networks custom --out study/\n"
        "coreset compare cells/ --samplers balanced-herding --fractions 0.05,0.1 --networks head --seeds 5 --out s/\n"
        "coreset compare cells/ --samplers balanced-herding --networks head --splits 5 --seeds 3 --out s/\n"
        "coreset compare cells/ --samplers balanced-herding --networks head --folds 5 --out s/\n"
        "coreset compare cells/ --networks custom --seeds 5 --threads 1 --at-once 4 --out s/     4 trainings at once\n"
        "coreset compare cells/ --networks custom --seeds 5 --scheduler 10.0.0.5:8786 --out s/     on several machines",
    )
    run = add(
        "run",
        "run the whole method: select, export, train both networks on 100 %, RS and IS, report",
        "coreset run cells/ --out study/\ncoreset run cells/ --extractor vgg16 --backbone vgg16 --out study/",
    )
    for one in (compare, run):
        add_scheduler(one, "extract features and train")
        add_dataset(one)
        # A comparison has its own samplers, fractions and seeds; it exports nothing, but its report can be private.
        exports = ("files", "with_split", "remainder", "probabilities_and_weights")
        without = {"selection": NOT_COMPARED, "export": exports} if one is compare else {}
        # A flag on quality excludes nothing, so that nothing here depends on its threshold; nor on a search.
        sections = [section for section in SECTIONS if section not in ("quality", "search")]
        add_settings(one, *sections, validation=0.2, without=without)
        add_weights(one)
        add_threads(one)
        add_at_once(one)
        add_out_folder(one)

    search = add(
        "search",
        "search hyperparameters on the coreset and, on request, on the whole pool",
        "coreset search cells/ --fraction 0.1 --trials 20 --out s/\n"
        "coreset search cells/ --fraction 0.1 --trials 20 --with-pool --out s/     compare with the pool\n"
        "coreset search cells/ --fraction 0.1 --learning-rates 0.0005,0.002 --dropouts 0,0.1 --out s/     a grid\n"
        "coreset compare cells/ --settings s/best-settings.json --networks custom --out study/     with the best of it",
    )
    add_dataset(search)
    add_settings(search, "data", "features", "clusters", "selection", "training", "search", validation=0.2)
    add_weights(search)
    add_threads(search)
    add_at_once(search)
    add_out_folder(search)
    add_scheduler(search, "extract features, and train a grid and --with-pool,")


def _using(add: AddCommand) -> None:
    """Add what uses trained networks, and describes how they were trained."""
    predict = add(
        "predict",
        "predict the class and its probabilities for every image of a folder",
        "coreset predict study/models/custom-intelligent-0.25-r0 new-images/ --out predictions.csv",
    )
    predict.add_argument("bundle", type=path_of, metavar="BUNDLE")
    predict.add_argument("folder", type=path_of, metavar="FOLDER")
    predict.add_argument("--out", type=path_of, default=Path("predictions.csv"), metavar="FILE")
    predict.add_argument("--overwrite", action="store_true")
    others = {setting.name for setting in settings_in("data")} - set(READ_BY)
    add_flags(predict, {"data": others}, {f"data.{name}": "as for the training" for name in READ_BY})

    evaluate = add(
        "evaluate",
        "evaluate a trained network on another labelled dataset, such as images of a second scanner",
        "coreset evaluate study/models/custom-intelligent-0.25-1a2b3c4d other-scanner/ --out external/\n"
        "coreset evaluate study/models/… other-scanner/ --match Baso=basophil --match artefact=",
    )
    evaluate.add_argument("bundle", type=path_of, metavar="BUNDLE")
    evaluate.add_argument("dataset", type=path_of, metavar="DATASET", help=SOURCES.expected())
    evaluate.add_argument(
        "--out",
        type=path_of,
        default=None,
        metavar="DIR",
        help="write the report, its tables and all predictions here",
    )
    evaluate.add_argument("--overwrite", action="store_true", help="replace what an earlier call left there")
    evaluate.add_argument(
        "--match",
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="a class of the dataset and the class of the network that it is; THEIRS= leaves the class out",
    )
    evaluate.add_argument("--cache", type=path_of, default=None, metavar="DIR", help="where computed features are kept")
    add_flags(evaluate, {"data": NOT_EXTERNAL}, {f"data.{name}": "as for the training" for name in READ_BY})

    explain = add(
        "explain",
        "write maps of what a trained network bases the class of each image of a folder on (Grad-CAM)",
        "coreset explain study/models/custom-intelligent-0.25-1a2b3c4d new-images/ --out maps/\n"
        "coreset explain study/models/… new-images/ --class basophil --opacity 0.4 --out maps/",
    )
    explain.add_argument("bundle", type=path_of, metavar="BUNDLE")
    explain.add_argument("folder", type=path_of, metavar="FOLDER")
    explain.add_argument(
        "--out", type=path_of, default=Path("maps"), metavar="DIR", help="new folder for the maps and probabilities.csv"
    )
    explain.add_argument(
        "--class",
        dest="class_name",
        default="",
        metavar="CLASS",
        help="class of the maps; default the predicted class of each image",
    )
    explain.add_argument(
        "--opacity", type=float, default=OPACITY, metavar="X", help="of the largest value of each map, 0 to 1"
    )

    methods = add(
        "methods",
        "print what was done as a paragraph for the Methods section of a publication",
        "coreset methods study/\ncoreset methods coreset/coreset.json --bibtex references.bib",
    )
    methods.add_argument("place", type=path_of, metavar="FOLDER", help="folder of a study, a search or an export")
    methods.add_argument("--bibtex", type=path_of, default=None, metavar="FILE", help="write what it cites as BibTeX")
    methods.add_argument("--overwrite", action="store_true", help="replace the file if it is there")


def _providing(add: AddCommand) -> None:
    """Add what brings weights and models, lists plugins, and shows the program on its demo."""
    weights = add(
        "weights",
        "list, import or download trained weights",
        "coreset weights list\ncoreset weights import vgg16_imagenet_notop.h5\ncoreset weights download resnet101v2",
    )
    weights.add_argument("action", choices=("list", "import", "download"))
    weights.add_argument("what", nargs="?", default=None, metavar="FILE|NAME")
    weights.add_argument(
        "--as", dest="name", default=None, metavar="NAME", help="the weights that an unknown file contains"
    )

    model = add(
        "model",
        "add a model of your own (ONNX) as an extractor, list, show or remove those that were added",
        "coreset model add dinobloom-s.onnx --name DinoBloom-S --description dinobloom-s.json\n"
        "coreset model add own.onnx --input-size 224 --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5\n"
        "coreset model list\ncoreset model show dinobloom-s\ncoreset model remove dinobloom-s",
    )
    model.add_argument("action", choices=("add", "list", "show", "remove"))
    model.add_argument("what", nargs="?", default=None, metavar="FILE|NAME")
    model.add_argument(
        "--name", default="", metavar="NAME", help="name of the model; default that of its description or its file"
    )
    model.add_argument(
        "--description", type=path_of, default=None, metavar="FILE",
        help="JSON in the keys of WSInfer or of the settings below; default the .json of the same name, if any",
    )  # fmt: skip
    add_part_flags(model, "preparation of images, for add", MODEL_SETTINGS)
    add_threads(model)

    cluster = add(
        "cluster",
        "run a Dask scheduler and workers on this computer, which only its programs can reach, until Ctrl+C",
        "coreset cluster --workers 2\ncoreset embed cells/ --scheduler 127.0.0.1:8786     in another terminal",
    )
    cluster.add_argument("--workers", type=count, default=2, metavar="N", help="processes; default 2")
    cluster.add_argument("--port", type=int, default=8786, metavar="N", help="of the scheduler; default 8786, 0 any")
    add_threads(cluster)

    add("plugins", "list what installed plugins add, and what could not be loaded and why", "coreset plugins")

    demo = add("demo", "run the whole method on embedded synthetic cells", "coreset demo --out demo/")
    demo.add_argument("--out", type=path_of, default=Path("coreset-demo"), metavar="DIR")
    demo.add_argument("--overwrite", action="store_true")
    demo.add_argument("--images", type=int, default=None, help="number of synthetic images")
    demo.add_argument("--epochs", type=int, default=None)
    demo.add_argument("--cache", type=path_of, default=None, metavar="DIR")
