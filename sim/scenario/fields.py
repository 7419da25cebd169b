"""Looking up the field behind a place of a scenario: its sentence, its annotation, its neighbours."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from sim.scenario.base import Table
from sim.scenario.faults import Keys
from sim.scenario.quantity import NumberAnnotation


@dataclass(frozen=True, slots=True)
class Place:
    """What the schema knows of one place.

    table : the model whose key it is
    name : the key
    field : pydantic's description of it
    model : the model below it, when it holds a table or a list of tables
    listing : whether it holds a list of tables
    """

    table: type[Table]
    name: str
    field: FieldInfo
    model: type[Table] | None
    listing: bool

    @property
    def number(self) -> NumberAnnotation | None:
        """How its number is read, when it holds one."""
        return number_in(self.field)

    @property
    def sentence(self) -> str:
        """Its meaning, without the full stop."""
        return (self.field.description or "").rstrip(".")


def number_in(field: FieldInfo) -> NumberAnnotation | None:
    """The number annotation of a field, also inside an optional one."""
    for entry in field.metadata:
        if isinstance(entry, NumberAnnotation):
            return entry
    for option in get_args(field.annotation):
        for entry in getattr(option, "__metadata__", ()):
            if isinstance(entry, NumberAnnotation):
                return entry
    return None


def choices_in(field: FieldInfo) -> tuple[str, ...]:
    """Allowed words of a field, empty when it is not a choice."""
    return tuple(get_args(field.annotation)) if get_origin(field.annotation) is Literal else ()


def place_of(model: type[Table], name: str) -> Place | None:
    """The place `name` of `model`."""
    field = model.model_fields.get(name)
    if field is None:
        return None
    below, listing = _model_in(field.annotation)
    return Place(model, name, field, below, listing)


def find_place(root: type[Table], keys: Keys) -> Place | None:
    """The deepest place of the schema on the way along `keys`; positions in lists are passed over."""
    model: type[Table] | None = root
    found: Place | None = None
    for key in keys:
        if isinstance(key, int):
            continue
        place = place_of(model, key) if model is not None else None
        if place is None:
            return found
        found, model = place, place.model
    return found


def walk(root: type[Table], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Place]]:
    """Every place of the schema with its path, in the order of the models; lists stand once."""
    for name in root.model_fields:
        place = place_of(root, name)
        if place is None:
            continue
        yield (*prefix, name), place
        if place.model is not None:
            yield from walk(place.model, (*prefix, name))


def _model_in(annotation: Any) -> tuple[type[Table] | None, bool]:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation, False
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        for option in get_args(annotation):
            model, listing = _model_in(option)
            if model is not None:
                return model, listing
    if origin is tuple:
        model, _ = _model_in(get_args(annotation)[0])
        return model, model is not None
    return None, False
