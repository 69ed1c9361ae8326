"""Sentences that state for each file kind how its values were converted, what was lost, and how to change it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.results import Image, Range, Reading, Stored
from coreset_studio.core.settings.levels import WINDOW_RULES, parse_channels, parse_window, range_text

_NAMED = 3
_LEVELS = 256
_CHANNELS = 3
_COLOURS = ("red", "green", "blue")


def reading_notes(images: Sequence[Image], reading: Reading) -> list[str]:
    """Return sentences about images that are more than 8 bits, transparent, or of several pages.

    Parameters
    ----------
    images : sequence of Image
    reading : Reading
        How they were read.
    """
    return notes_on({image.path: image.stored for image in images if image.stored is not None}, reading)


def ignored_notes(images: Sequence[Image], settings: Reading) -> list[str]:
    """Return sentences about what was requested and makes no difference, as no image is of that kind.

    Parameters
    ----------
    images : sequence of Image
    settings : Reading
        What the settings name.
    """
    found = [image.stored for image in images if image.stored is not None]
    kinds, alphas = ({getattr(each, name) for each in found} - {""} for name in ("kind", "alpha"))
    notes = []
    for flag, named, known in (("--grey-levels", settings.ranges, kinds), ("--alpha", settings.alphas, alphas)):
        there = f"; it has {', '.join(sorted(known))}" if known else ""
        notes += [
            f"{flag} names {kind}, but the dataset has no such image{there}."
            for kind in named
            if kind not in {*known, ""}
        ]
    by_window = {each.kind for each in found if each.window} - {each.kind for each in found if not each.window}
    notes += [
        f"--grey-levels names {kind}, but all its images are converted by windows; --window full uses the range."
        for kind in settings.ranges
        if kind in by_window
    ]
    if settings.window != "stored" and not any(each.form for each in found):
        notes.append(f"--window {settings.window} has no effect: no image is DICOM.")
    elif settings.window not in WINDOW_RULES and not any(each.window for each in found):
        notes.append(f"--window {settings.window} has no effect: all DICOM images are in colour or have 8 bits.")
    if settings.channels != "auto" and settings.pages != "channels" and not any(each.n_channels for each in found):
        notes.append(
            f"--channels {settings.channels} has no effect: no image has channels other than red, green and blue."
        )
    if "" in settings.ranges and not kinds:
        notes.append("--grey-levels has no effect: no image has more than 8 bits.")
    if settings.pages != "first" and all(each.n_pages == 1 for each in found):
        notes.append(f"--pages {settings.pages} has no effect: no file has several pages.")
    return notes


def notes_on(stored: Mapping[str, Stored], reading: Reading) -> list[str]:
    """Return the same of images that are known by their paths alone."""
    kinds: dict[str, dict[str, Stored]] = {}
    alphas: dict[str, dict[str, Stored]] = {}
    for path, each in stored.items():
        if each.kind and not each.window:
            kinds.setdefault(each.kind, {})[path] = each
        if each.alpha:
            alphas.setdefault(each.alpha, {})[path] = each
    notes = []
    for kind, found in sorted(kinds.items()):
        ends = reading.range_of(kind)
        range_notes = _declared(kind, found) if ends is None else _ranged(kind, found, ends)
        notes += [note for note in (*range_notes, _gaps(found)) if note]
    windowed = {path: each for path, each in stored.items() if each.window}
    notes += [note for note in (*_windows(windowed, reading), _gaps(windowed)) if note]
    notes += [note for kind, found in sorted(alphas.items()) for note in _alpha(kind, found, reading)]
    notes += _channels({path: each for path, each in stored.items() if each.n_channels}, reading)
    several = {path: each for path, each in stored.items() if each.n_pages > 1}
    by_page = {path: each for path, each in several.items() if file_and_page(path)[1]}
    whole = {path: each for path, each in several.items() if path not in by_page}
    return [*notes, *([_each_page(by_page)] if by_page else []), *([_pages(whole, reading)] if whole else [])]


def _ranged(kind: str, found: Mapping[str, Stored], ends: Range) -> list[str]:
    low, high = ends
    bits = next(iter(found.values())).bits
    change = f"Change it with --grey-levels {kind}=LOW:HIGH."
    became = f"{_number(low)} to {_number(high)} became 0 to 255"
    used = _bits_of(high) if low == 0 else 0
    notes = []
    if used and bits and used < bits:
        notes.append(f"{_images(found)} ({kind}) {_uses(found)} {used} of {bits} bits: {became}. {change}")
    elif not (used and used == bits):
        notes.append(f"{_images(found)} ({kind}): {became}. {change}")
    outside = [path for path, each in found.items() if each.low < low or each.high > high]
    if outside:
        has = "has" if len(outside) == 1 else "have"
        least, most = min(low, *(each.low for each in found.values())), max(high, *(e.high for e in found.values()))
        notes.append(
            f"{_images(outside)} ({kind}) {has} values outside {_number(low)} to {_number(high)}, which were clipped: "
            f"{_named(outside)}. --grey-levels {kind}={range_text(least, most)} clips none."
        )
    return notes


def _declared(kind: str, found: Mapping[str, Stored]) -> list[str]:
    bits, most = next(iter(found.values())).bits, max(each.high for each in found.values())
    if not bits:
        scales = [each.high <= 1 for each in found.values()]
        if all(scales) or not any(scales):
            return []
        note = (
            f"Each of {len(found):,} floating-point images ({kind}) was converted separately: {sum(scales):,} as 0 "
            f"to 1, {len(scales) - sum(scales):,} as 0 to 255. --grey-levels used applies one range to all."
        )
        return [note]
    used = max(1, int(most).bit_length())
    if used >= bits:
        return []
    kept = int(most) >> max(0, bits - 8)
    note = (
        f"{_images(found)} ({kind}) {_uses(found)} {used} of {bits} bits, so that {kept + 1:,} of {_LEVELS} grey "
        "levels are left. --grey-levels used maps the range that they use; features are then computed again."
    )
    return [note]


def _windows(found: Mapping[str, Stored], reading: Reading) -> list[str]:
    """Return by which windows DICOM images were converted, and how to change that."""
    if not found:
        return []
    n, own = _images(found), parse_window(reading.window)
    if own is not None:
        low, high = own[0] - own[1] / 2, own[0] + own[1] / 2
        note = (
            f"{n} (DICOM): values from {_number(low)} to {_number(high)} became 0 to 255, by the window "
            f"{reading.window}. --window stored uses the windows in the files, full the range of all files."
        )
        return [note]
    counts = Counter(each.window for each in found.values())
    kinds = {each.kind for each in found.values()}
    listed = ", ".join(f"{window} in {count:,}" for window, count in counts.most_common(_NAMED))
    rest = f" and {len(counts) - _NAMED:,} more" if len(counts) > _NAMED else ""
    several = sum(each.n_windows > 1 for each in found.values())
    first = f" {several:,} of them offer several windows, of which the first was used." if several else ""
    if len(counts) == 1 and len(kinds) == 1:
        was = "was" if len(found) == 1 else "were"
        told = f"{n} (DICOM) {was} converted by the window in the file, {next(iter(counts))} (centre and width)."
    else:
        told = (
            f"{n} (DICOM) were converted by the windows in the files (centre and width: {listed}{rest}), so equal "
            "values may have become different grey levels."
        )
    return [f"{told}{first} Change it with --window full or centre and width, such as --window 40:400."]


def _channels(found: Mapping[str, Stored], reading: Reading) -> list[str]:
    """Return which channels of images with others than red, green and blue are shown, and how to change that."""
    if not found:
        return []
    fewest, most = min(each.n_channels for each in found.values()), max(each.n_channels for each in found.values())
    count = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    chosen = parse_channels(reading.channels) or tuple(range(1, min(most, _CHANNELS) + 1))
    if len(chosen) == 1:
        what = f"channel {chosen[0]} is shown in grey"
    else:
        colours = " and ".join((", ".join(_COLOURS[: len(chosen) - 1]), _COLOURS[len(chosen) - 1]))
        what = f"channels {', '.join(map(str, chosen))} are shown as {colours}"
    note = (
        f"{_images(found)} {'has' if len(found) == 1 else 'have'} {count} channels that are not red, green and blue; "
        f"{what}. Change it with --channels, such as --channels 3,1,2."
    )
    return [note]


def _gaps(found: Mapping[str, Stored]) -> str:
    gaps = [path for path, each in found.items() if each.gaps]
    if not gaps:
        return ""
    holds = "holds" if len(gaps) == 1 else "hold"
    return f"{_images(gaps)} {holds} values that are not finite, which became black: {_named(gaps)}."


def _alpha(kind: str, found: Mapping[str, Stored], reading: Reading) -> list[str]:
    hidden = [path for path, each in found.items() if each.hidden]
    ignored = reading.alpha_of(kind) == "ignore"
    if not hidden and not ignored:
        return []
    are = "has" if len(hidden) == 1 else "have"
    if ignored:
        what = f"Of {_images(found)} with transparent parts ({kind}) the alpha channel was ignored"
        why = f", since {len(hidden):,} {are} one that is 0 everywhere" if hidden else ""
        return [f"{what}{why}. --alpha {kind}=white puts transparent parts on white."]
    note = (
        f"{_images(hidden)} ({kind}) {are} an alpha channel that is 0 everywhere and became white: {_named(hidden)}. "
        f"--alpha {kind}=ignore ignores the alpha channel."
    )
    return [note]


def _each_page(found: Mapping[str, Stored]) -> str:
    files = {file_and_page(path)[0] for path in found}
    of = "1 file" if len(files) == 1 else f"{len(files):,} files"
    note = f"{len(found):,} pages of {of} are separate images; those of one file stay on one side of a split"
    blank = [path for path, each in found.items() if each.blank]
    if blank:
        note += f"; {len(blank):,} {'is' if len(blank) == 1 else 'are'} of a single colour ({_named(blank)})"
    return f"{note}. --pages first, max, mean or a page number reads one image per file."


def _pages(found: Mapping[str, Stored], reading: Reading) -> str:
    fewest, most = min(each.n_pages for each in found.values()), max(each.n_pages for each in found.values())
    count = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    what = {
        "first": "the first was read",
        "max": "the maximum over all was used at every pixel",
        "mean": "the mean over all was used at every pixel",
        "channels": "they were read as red, green and blue",
    }.get(reading.pages, f"page {reading.pages} was read")
    blank = [path for path, each in found.items() if each.blank]
    note = f"{_images(found)} {'holds' if len(found) == 1 else 'hold'} {count} pages each; {what}"
    if blank:
        note += f", which is of a single colour in {len(blank):,} ({_named(blank)})"
    planes = Counter(each.planes for each in found.values() if each.planes)
    if planes:
        note += f" ({planes.most_common(1)[0][0]})"
    with_channels = most <= _CHANNELS or any("channels" in words for words in planes)
    offered = ("first", "max", "mean", *(("channels",) if with_channels else ()), "each")
    others = [word for word in offered if word != reading.pages]
    return f"{note}. Change it with --pages {', '.join(others)} or a page number."


def _bits_of(high: float) -> int:
    """Return b where `high` is 2^b − 1, else 0."""
    whole = int(high)
    return whole.bit_length() if whole == high and whole & (whole + 1) == 0 else 0


def _uses(found: Mapping[str, Stored]) -> str:
    return "uses" if len(found) == 1 else "use"


def _images(found: Iterable[object]) -> str:
    n = len(list(found))
    return "1 image" if n == 1 else f"{n:,} images"


def _named(paths: Sequence[str]) -> str:
    rest = len(paths) - _NAMED
    return ", ".join(sorted(paths)[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:g}"
