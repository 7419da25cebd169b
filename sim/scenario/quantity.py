"""Numbers with origin: what a scenario writes as ``5.0`` or ``{ value = 5.0, unit = "km2", source = "..." }``."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from sim.scenario.faults import Fault, reject, shown
from sim.scenario.raw_numbers import not_a_number, open_number, to_si

#: What `source` says of a number the user did not write.
DEFAULT_SOURCE = "default"


class _Origin:
    """What a number keeps of how it was written."""

    unit: str
    source: str
    magnitude: Any

    def _keep(self, unit: str, source: str, magnitude: Any) -> None:
        object.__setattr__(self, "unit", unit)
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "magnitude", magnitude)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    @property
    def written(self) -> str:
        """The value as the scenario writes it, with its unit."""
        return f"{shown(self.magnitude, limit=200)} {self.unit}".strip()

    def as_toml(self) -> Any:
        """The TOML value that reads back as this number: bare, or a table with unit and source."""
        table = {"value": self.magnitude, "unit": self.unit, "source": self.source}
        kept = {key: entry for key, entry in table.items() if key == "value" or entry}
        return self.magnitude if list(kept) == ["value"] else kept


class Sourced(_Origin, float):
    """A real number in SI that remembers its unit as written, its source and its text; usable as a float.

    Parameters
    ----------
    value : float
        In the SI unit of its field (degrees for lon and lat, degrees Celsius for temperature).
    unit : str
        As written; empty for a bare number.
    source : str
        As written, with its evidence mark.
    magnitude : float or int
        The number as written, in `unit`; `value` when not given.

    Examples
    --------
    >>> distance = Sourced(8046.72, unit="mi", source="F: report", magnitude=5.0)
    >>> distance.value, distance.written, distance / 2
    (8046.72, '5.0 mi', 4023.36)
    """

    def __new__(cls, value: float, unit: str = "", source: str = "", magnitude: float | None = None) -> Sourced:
        self = super().__new__(cls, value)
        self._keep(unit, source, float(value) if magnitude is None else magnitude)
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (float(self), self.unit, self.source, self.magnitude)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self.__getnewargs__())

    @property
    def value(self) -> float:
        """The plain number in SI."""
        return float(self)


class Count(_Origin, int):
    """A whole number that remembers its source; usable as an int."""

    def __new__(cls, value: int, source: str = "", unit: str = "") -> Count:
        self = super().__new__(cls, value)
        self._keep(unit, source, int(value))
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (int(self), self.source, self.unit))

    @property
    def value(self) -> int:
        """The plain number."""
        return int(self)


class SourcedList(_Origin, tuple[float, ...]):
    """Numbers in SI that share one unit and one source; usable as a tuple of floats."""

    def __new__(
        cls, values: Iterable[float], unit: str = "", source: str = "", magnitude: Sequence[float] | None = None
    ) -> SourcedList:
        self = super().__new__(cls, values)
        self._keep(unit, source, tuple(self) if magnitude is None else tuple(magnitude))
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (tuple(self), self.unit, self.source, self.magnitude))

    @property
    def values(self) -> tuple[float, ...]:
        """The plain numbers in SI (whole numbers stay int)."""
        return tuple(self)


@dataclass(frozen=True, slots=True)
class _Range:
    """Bounds shared by all kinds of numbers."""

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None

    def holds(self, value: float) -> bool:
        """Whether `value` lies inside."""
        return (
            (self.gt is None or value > self.gt)
            and (self.ge is None or value >= self.ge)
            and (self.lt is None or value < self.lt)
            and (self.le is None or value <= self.le)
        )

    def interval(self) -> str:
        """The range in mathematical notation, empty when there are no bounds."""
        if self == _Range():
            return ""
        low = (
            "(-inf"
            if self.gt is None and self.ge is None
            else f"[{self.ge:g}"
            if self.ge is not None
            else f"({self.gt:g}"
        )
        high = (
            "inf)"
            if self.lt is None and self.le is None
            else f"{self.le:g}]"
            if self.le is not None
            else f"{self.lt:g})"
        )
        return f"{low}, {high}"

    def sentence(self, unit: str) -> str:
        """What must hold, as in ``Must lie in [0, 1]``."""
        tail = "" if unit in ("", "1") else f" {unit}"
        if self.lt is None and self.le is None:
            return (
                f"Must be greater than {self.gt:g}{tail}"
                if self.gt is not None
                else f"Must be at least {self.ge:g}{tail}"
            )
        return f"Must lie in {self.interval()}{tail}"

    def json(self) -> dict[str, float]:
        """The same bounds in JSON Schema."""
        names = {"exclusiveMinimum": self.gt, "minimum": self.ge, "exclusiveMaximum": self.lt, "maximum": self.le}
        return {name: bound for name, bound in names.items() if bound is not None}


class _Number(ABC):
    """Shared behaviour of the annotations below: how they validate and how they look in JSON Schema."""

    unit: str

    @abstractmethod
    def read(self, raw: Any) -> Any:
        """Value for `raw`, or raise with every fault in it."""

    @abstractmethod
    def item_schema(self) -> dict[str, Any]:
        """JSON Schema of the bare form."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        bare = self.item_schema()
        # bounds hold in SI, so they say nothing about a number with another unit
        loose = {"type": "array", "items": {"type": "number"}} if bare["type"] == "array" else {"type": bare["type"]}
        properties: dict[str, Any] = {"value": loose, "unit": {"type": "string"}, "source": {"type": "string"}}
        table = {"type": "object", "properties": properties, "required": ["value"], "additionalProperties": False}
        return {"anyOf": [bare, table], "x-unit": self.unit}


@dataclass(frozen=True, slots=True)
class Quantity(_Number):
    """Annotation of a field that holds a `Sourced`: ``Annotated[Sourced, Quantity("m2", gt=0)]``.

    `unit` is the SI unit a bare number is in; bounds hold in that unit.
    """

    unit: str
    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None

    @property
    def range(self) -> _Range:
        """Bounds in SI."""
        return _Range(self.gt, self.ge, self.lt, self.le)

    def read(self, raw: Any) -> Sourced:
        """Read a bare number or a table {value, unit, source}."""
        if isinstance(raw, Sourced):
            number, unit, source, magnitude = raw.value, raw.unit, raw.source, raw.magnitude
        else:
            value, unit, source = open_number(raw, self.unit, listing=False)
            keys = ("value",) if isinstance(raw, dict) else ()
            faults = not_a_number(value, keys, self.unit)
            if faults:
                raise reject(faults)
            magnitude = value
            number = to_si((float(value),), unit, self.unit)[0]
        if not math.isfinite(number):
            raise reject([Fault(211, (), shown(raw), "Must be a finite number")])
        if not self.range.holds(number):
            swapped = "Check that lon and lat are not swapped" if self.unit == "deg" and self.le == 90 else ""
            raise reject([Fault(204, (), shown(raw), self.range.sentence(self.unit), swapped)])
        return Sourced(number, unit, source, magnitude)

    def item_schema(self) -> dict[str, Any]:
        return {"type": "number", **self.range.json()}


@dataclass(frozen=True, slots=True)
class Quantities(_Number):
    """Annotation of a field that holds a `SourcedList`; `length` fixes how many, `whole` asks for whole numbers."""

    unit: str
    length: int | None = None
    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    whole: bool = False

    @property
    def range(self) -> _Range:
        """Bounds in SI, of every number."""
        return _Range(self.gt, self.ge, self.lt, self.le)

    def read(self, raw: Any) -> SourcedList:
        """Read a bare list or a table {value, unit, source}."""
        if isinstance(raw, SourcedList):
            return raw
        value, unit, source = open_number(raw, self.unit, listing=True)
        keys = ("value",) if isinstance(raw, dict) else ()
        if not isinstance(value, (list, tuple)):
            raise reject([Fault(205, keys, shown(value), f"Must be a list of {self._amount()}numbers")])
        faults = [fault for i, entry in enumerate(value) for fault in self._bad_entry(entry, (*keys, i))]
        if not faults and (len(value) != self.length if self.length else not value):
            amount = self.length or "at least one"
            faults = [
                Fault(209, keys, f"a list of {len(value)}", f"Must hold {amount} numbers", "Add or remove numbers")
            ]
        if faults:
            raise reject(faults)
        numbers: Sequence[float] = value if self.whole else to_si(tuple(float(v) for v in value), unit, self.unit)
        outside = [i for i, number in enumerate(numbers) if not self.range.holds(number)]
        if outside:
            sentence = self.range.sentence(self.unit)
            raise reject(Fault(204, (*keys, i), f"{shown(value[i])} {unit}".strip(), sentence) for i in outside)
        return SourcedList(numbers, unit, source, value)

    def _amount(self) -> str:
        return f"{self.length} " if self.length else ""

    def _bad_entry(self, entry: Any, keys: tuple[str | int, ...]) -> list[Fault]:
        faults = not_a_number(entry, keys, self.unit, whole=self.whole, listing=True)
        if not faults and self.whole and not isinstance(entry, int):
            faults = [Fault(205, keys, shown(entry), "Must be a whole number", "Write it without a decimal point")]
        return faults

    def item_schema(self) -> dict[str, Any]:
        items = {"type": "integer" if self.whole else "number", **self.range.json()}
        count = {"minItems": self.length, "maxItems": self.length} if self.length else {"minItems": 1}
        return {"type": "array", "items": items, **count}


@dataclass(frozen=True, slots=True)
class Whole(_Number):
    """Annotation of a field that holds a `Count`: a whole number without unit."""

    ge: int | None = None
    le: int | None = None
    unit: str = "1"

    @property
    def range(self) -> _Range:
        """Bounds."""
        return _Range(ge=self.ge, le=self.le)

    def read(self, raw: Any) -> Count:
        """Read a bare whole number or a table {value, source}."""
        if isinstance(raw, Count):
            return raw
        value, unit, source = open_number(raw, self.unit, listing=False)
        keys = ("value",) if isinstance(raw, dict) else ()
        faults = not_a_number(value, keys, self.unit, whole=True)
        if not faults and not isinstance(value, int):
            faults = [Fault(205, keys, shown(value), "Must be a whole number", "Write it without a decimal point")]
        if not faults and unit not in ("", "1"):
            faults = [
                Fault(206, ("unit",), shown(unit), "Must be a plain count, which has no unit", "Leave the unit out")
            ]
        if not faults and not self.range.holds(value):
            faults = [Fault(204, (), shown(value), self.range.sentence("1"))]
        if faults:
            raise reject(faults)
        return Count(value, source, unit)

    def item_schema(self) -> dict[str, Any]:
        return {"type": "integer", **self.range.json()}


NumberAnnotation = Quantity | Quantities | Whole


def default(value: Any, unit: str = "", source: str = "") -> Any:
    """Default of a field, as a scenario would write it, marked as default in its source."""
    mark = f"{source} ({DEFAULT_SOURCE})" if source else f"C: {DEFAULT_SOURCE}"
    return {"value": value, **({"unit": unit} if unit else {}), "source": mark}


__all__ = [
    "Count",
    "NumberAnnotation",
    "Quantities",
    "Quantity",
    "Sourced",
    "SourcedList",
    "Whole",
    "default",
]
