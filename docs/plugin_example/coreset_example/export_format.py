"""The description of an export format, with a setting of its own."""

from dataclasses import dataclass

from coreset_studio.plugins import ExportFormat, SettingsPart, choice


@dataclass(frozen=True, kw_only=True)
class FlatSettings(SettingsPart):
    """What the flat format reads."""

    between: str = choice("__", neutral="__", title="Between", tip="Stands between class and number in each name")


DESCRIPTION = ExportFormat(
    name="flat",
    title="One folder",
    tip="All images in one folder, the class in front of each name",
    does="coreset_example.code.flat:WRITER",
    settings=FlatSettings,
)
