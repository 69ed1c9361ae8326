"""The description of a source, with a setting of its own."""

from dataclasses import dataclass

from coreset_studio.plugins import SettingsPart, Source, choice


@dataclass(frozen=True, kw_only=True)
class JsonLinesSettings(SettingsPart):
    """What reading JSON lines takes."""

    class_key: str = choice("label", neutral="label", title="Key of the class", tip="The key that holds the class")


DESCRIPTION = Source(
    name="json-lines",
    title="JSON lines of paths and classes",
    tip="A file with one JSON object a line: path, and the class.",
    source="An example",
    does="coreset_example.code.json_lines:READER",
    settings=JsonLinesSettings,
    short="a file of JSON lines",
    expects="a file of JSON lines with path and class",
    suffixes=(".jsonl",),
)
