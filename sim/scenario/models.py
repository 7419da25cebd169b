"""The whole scenario: one model for terrain scenarios, one for channel scenarios.

Both come from `sim.scenario.load.load_scenario`, which also knows the file behind them.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, PrivateAttr

from sim.errors import DataError
from sim.scenario.base import FilePath, Table
from sim.scenario.faults import FROM_HERE, FROM_SCENARIO, Fault, Keys, file_fault, program_fault, shown
from sim.scenario.positions import Span, positions
from sim.scenario.quantity import Quantity, Sourced, default
from sim.scenario.sections import (
    EMBEDDED,
    ExposureSection,
    HydrologySection,
    NetworkSection,
    OutputSection,
    Receptor,
    ScenarioSection,
    TerrainSection,
)
from sim.scenario.site_sections import (
    ChannelSubstances,
    ChannelWater,
    PitsSection,
    SourcesSection,
    Substances,
    WaterSection,
)
from sim.scenario.toml_writer import write_toml

#: Keys that name input files.
FILE_KEYS = ("terrain.dem", "terrain.burn_rivers", "pits.file", "channel.reaches")
#: Key that names a program, or the folder that holds it.
PROGRAM_KEY = "terrain.whitebox_program"
_PROGRAM = "whitebox_tools.exe" if os.name == "nt" else "whitebox_tools"


@dataclass(frozen=True)
class Origin:
    """The file a scenario was read from, and what was overridden."""

    path: Path = Path("scenario.toml")
    text: str = ""
    overridden: frozenset[Keys] = frozenset()

    def spans(self) -> dict[Keys, Span]:
        """Where each key of the text stands; empty when the text is not TOML."""
        try:
            tomllib.loads(self.text)
        except ValueError:
            return {}
        return positions(self.text)

    def where(self, keys: Keys, spans: Mapping[Keys, Span]) -> str:
        """Place as messages name it: ``scenario.toml:12: pits.loss_fraction``."""
        dotted = ".".join(str(key) for key in keys)
        if any(keys[:depth] in self.overridden for depth in range(1, len(keys) + 1)):
            return f"--set {dotted}"
        line = next((spans[keys[:depth]].line for depth in range(len(keys), 0, -1) if keys[:depth] in spans), None)
        place = f"{self.path.name}:{line}" if line else self.path.name
        return f"{place}: {dotted}" if dotted else place

    def path_fault(self, key: str, value: str) -> Fault | None:
        """What is wrong with the file or program `value` of the dotted `key`; None when it can be used."""
        keys: Keys = tuple(key.split("."))
        folder, start = self.path.parent, FROM_SCENARIO
        if keys in self.overridden:
            folder, start = Path.cwd(), FROM_HERE
            value = str(Path(value).relative_to(folder)) if Path(value).is_relative_to(folder) else value
        if key == PROGRAM_KEY:
            return program_fault(folder, keys, value, _PROGRAM, start)
        return file_fault(folder, keys, value, start)


class _Root(Table):
    """What both kinds of scenario share."""

    kind: ClassVar[str]
    _origin: Origin = PrivateAttr(default_factory=Origin)

    scenario: ScenarioSection = Field(description="What the scenario is.")

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, wherever their files lie."""
        return isinstance(other, _Root) and (self.kind, self.as_toml()) == (other.kind, other.as_toml())

    def __hash__(self) -> int:
        return hash(self.resolved_toml())

    @property
    def path(self) -> Path:
        """The scenario file."""
        return self._origin.path

    @property
    def folder(self) -> Path:
        """Folder of the scenario file, which relative paths start from."""
        return self._origin.path.parent

    @property
    def text(self) -> str:
        """The scenario file as read."""
        return self._origin.text

    def with_origin(self, origin: Origin) -> Self:
        """The same scenario, knowing the file it came from."""
        copy = self.model_copy()
        copy._origin = origin
        return copy

    def resolved_toml(self) -> str:
        """TOML of every value in force, defaults and overrides included, with units and sources as written."""
        return write_toml(self.as_toml())

    def input_files(self) -> Iterator[tuple[str, str]]:
        """Pairs of key and path as written, for every key that names a file the user supplies."""
        for key in FILE_KEYS:
            section, name = key.split(".")
            value = getattr(getattr(self, section, None), name, None)
            if value is not None and value not in EMBEDDED:
                yield key, value

    def resolve_path(self, key: str, value: str) -> Path:
        """Path of an input file, relative to the scenario file; of `terrain.whitebox_program` also a folder.

        Parameters
        ----------
        key : str
            Dotted place of the value, for messages: "terrain.dem".
        value : str
            As written.

        Raises
        ------
        DataError
            LS-301 if there is no such file, LS-302 if it is a folder or no regular file, LS-313 for a program that
            is not there or cannot be executed.
        """
        fault = self._origin.path_fault(key, value)
        if fault is None:
            return self.folder / value
        where = self._origin.where(fault.keys, self._origin.spans())
        raise DataError(fault.number, where, got=fault.got, expected=fault.expected, remedy=fault.remedy)

    def digest(self) -> str:
        """SHA-256, in hex, of the resolved scenario and of the bytes of its input files.

        Raises
        ------
        DataError
            LS-301 or LS-302 if an input file is missing or cannot be read.
        """
        total = hashlib.sha256(self.resolved_toml().encode())
        for key, value in self.input_files():
            path = self.resolve_path(key, value)
            try:
                with path.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256")
            except OSError as error:
                reason = error.strerror or type(error).__name__
                where = self._origin.where(tuple(key.split(".")), self._origin.spans())
                raise DataError(302, where, got=shown(value), expected=f"Cannot be read: {reason}") from error
            total.update(f"\n{key} {content.hexdigest()}".encode())
        return total.hexdigest()


class TerrainScenario(_Root):
    """A scenario on an elevation model."""

    kind: ClassVar[Literal["terrain"]] = "terrain"

    terrain: TerrainSection = Field(description="Elevation model.")
    network: NetworkSection = Field(default_factory=NetworkSection, description="Channels drawn from the terrain.")
    hydrology: HydrologySection = Field(description="Water.")
    pits: PitsSection = Field(description="Mining sites.")
    sources: SourcesSection = Field(description="Chemicals used and lost.")
    substances: Substances = Field(description="Ammonium, sulfate, oxalate and lead.")
    water: WaterSection = Field(description="River water.")
    exposure: ExposureSection = Field(description="Thresholds and zones.")
    receptor: tuple[Receptor, ...] = Field(default=(), description="Places to report on.")
    output: OutputSection = Field(default_factory=OutputSection, description="How results are written.")


class ChannelSection(Table):
    """A river given as a table of reaches instead of an elevation model."""

    reaches: FilePath = Field(description="CSV of reaches, relative to the scenario file.")
    temperature: Annotated[Sourced, Quantity("degC", ge=0, le=45)] = Field(
        default=default(20.0, "degC"), description="Water temperature, for reaction rates."
    )


class ChannelExposure(Table):
    """What concentrations are compared with in a channel scenario."""

    thresholds: tuple[str, ...] = Field(default=(), description="Identifiers of thresholds to compare with.")


class ChannelScenario(_Root):
    """A scenario on a table of reaches."""

    kind: ClassVar[Literal["channel"]] = "channel"

    channel: ChannelSection = Field(description="Table of reaches.")
    substances: ChannelSubstances = Field(
        default_factory=ChannelSubstances, description="Ammonium, sulfate, oxalate and lead."
    )
    water: ChannelWater = Field(default_factory=ChannelWater, description="River water.")
    exposure: ChannelExposure = Field(default_factory=ChannelExposure, description="Thresholds.")
    output: OutputSection = Field(default_factory=OutputSection, description="How results are written.")


Scenario: TypeAlias = TerrainScenario | ChannelScenario
