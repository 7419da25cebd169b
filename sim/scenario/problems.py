"""From pydantic's errors to messages that name the place, the value, what must hold and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from sim.errors import DataError, LeachSimError, ScenarioError
from sim.scenario.base import Table
from sim.scenario.faults import Fault, Keys, did_you_mean, faults_in, listed, shown
from sim.scenario.fields import choices_in, find_place, place_of, walk
from sim.scenario.models import Origin
from sim.scenario.positions import Span


def faults_of(root: type[Table], errors: Iterable[ErrorDetails]) -> list[Fault]:
    """Faults behind the errors of one pydantic validation."""
    found: list[Fault] = []
    for error in errors:
        keys: Keys = _clean(root, tuple(error["loc"]))
        if error["type"] == "too_short" and error["input"]:
            continue  # pydantic counts only the valid entries, whose own errors are reported anyway
        carried = faults_in(error.get("ctx"))
        found.extend([fault.under(keys) for fault in carried] or [_translate(root, keys, error)])
    return found


def in_file_order(
    faults: Iterable[Fault], root: type[Table], origin: Origin, spans: Mapping[Keys, Span]
) -> list[LeachSimError]:
    """Errors for `faults`, one per place, in the order in which their keys stand in the file."""
    by_place: dict[tuple[Keys, int], Fault] = {}
    for fault in faults:
        by_place.setdefault((fault.keys, fault.number), fault)
    rank = {keys: position for position, keys in enumerate(spans)}
    ordered = sorted(by_place.values(), key=lambda fault: _rank(fault.keys, rank))
    return [_as_error(fault, root, origin, spans) for fault in ordered]


def _rank(keys: Keys, rank: Mapping[Keys, int]) -> tuple[int, int]:
    """Position of a key in the file; a missing key stands behind its table's head, a missing table at the end."""
    for depth in range(len(keys), 0, -1):
        if keys[:depth] in rank:
            return rank[keys[:depth]], len(keys) - depth
    return len(rank), 0


def _as_error(fault: Fault, root: type[Table], origin: Origin, spans: Mapping[Keys, Span]) -> LeachSimError:
    place = find_place(root, fault.keys)
    sentence = place.sentence if place is not None and fault.explain else ""
    expected = f"{fault.expected}. {sentence}" if sentence else fault.expected
    written = spans[fault.keys].text if fault.keys in spans and fault.keys not in origin.overridden else ""
    # 1.70 is shown as written, tables and lists in short form
    got = written if fault.got and written and written[0] not in "[{\"'" and len(written) <= 60 else fault.got
    kind = DataError if fault.number >= 300 else ScenarioError
    return kind(fault.number, origin.where(fault.keys, spans), got=got, expected=expected, remedy=fault.remedy)


def _clean(root: type[Table], keys: Keys) -> Keys:
    """Drop parts pydantic adds for its own use (names of union members)."""
    kept: Keys = ()
    model: type[Table] | None = root
    for key in keys:
        if isinstance(key, int) or model is None:
            kept = (*kept, key)
            continue
        place = place_of(model, key)
        kept = (*kept, key)
        model = place.model if place is not None else None
    return kept


_Translate = Callable[[type[Table], Keys, Any, dict[str, Any]], Fault]


def _translate(root: type[Table], keys: Keys, error: ErrorDetails) -> Fault:
    kind, value, context = error["type"], error["input"], error.get("ctx") or {}
    if kind in _TRANSLATIONS:
        return _TRANSLATIONS[kind](root, keys, value, context)
    return Fault(205, keys, shown(value), error["msg"].rstrip("."))


def _missing(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
    place = find_place(root, keys)
    name = str(keys[-1])
    if place is None or place.model is None:
        return Fault(203, keys, "", "Is missing", f"Add {name} to this table")
    head = ".".join(str(key) for key in keys if isinstance(key, str))
    return Fault(203, keys, "", "Is missing", f"Add [[{head}]]" if place.listing else f"Add [{head}]")


def _unknown(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
    name = str(keys[-1])
    parent = find_place(root, keys[:-1]) if len(keys) > 1 else None
    model = parent.model if parent is not None else root
    siblings = list(model.model_fields) if model is not None else []
    elsewhere = sorted({".".join(path[:-1]) for path, _ in walk(root) if path[-1] == name and len(path) > 1})
    if len(elsewhere) == 1:
        remedy = f"Move it to [{elsewhere[0]}], where {name} belongs"
    else:
        remedy = did_you_mean(name, siblings, f"Keys here are {listed(siblings, 'and')}")
    return Fault(202, keys, shown(value), "Is not a known key", remedy, explain=False)


def _choice(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
    place = find_place(root, keys)
    words = choices_in(place.field) if place is not None else ()
    expected = f"Must be {listed(words)}"
    remedy = did_you_mean(value, words, "Choose one of them") if isinstance(value, str) else "Choose one of them"
    return Fault(207, keys, shown(value), expected, remedy)


def _typed(expected: str, remedy: str) -> _Translate:
    def translate(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
        return Fault(205, keys, shown(value), expected, remedy)

    return translate


def _table_expected(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
    head = ".".join(str(key) for key in keys if isinstance(key, str))
    place = find_place(root, keys)
    remedy = f"Write [[{head}]]" if place is not None and place.listing else f"Write [{head}] and its keys below"
    return Fault(205, keys, shown(value), "Must be a table", remedy)


def _list_expected(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
    head = ".".join(str(key) for key in keys if isinstance(key, str))
    place = find_place(root, keys)
    if place is not None and place.listing:
        return Fault(205, keys, shown(value), "Must be a list of tables", f"Write [[{head}]] with two brackets")
    example = f'["{value}"]' if isinstance(value, str) else '["..."]'
    return Fault(205, keys, shown(value), "Must be a list of texts", f"Write {keys[-1]} = {example}")


def _too_few(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
    return Fault(204, keys, shown(value), f"Must hold at least {context.get('min_length', 1)} entry", "Add one")


def _too_short(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
    return Fault(204, keys, shown(value), "Must not be empty", "Write a text, or leave the key out if it is optional")


def _too_long(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
    return Fault(204, keys, shown(value), f"Must hold at most {context.get('max_length')} characters", "Shorten it")


def _pattern(root: type[Table], keys: Keys, value: Any, context: dict[str, Any]) -> Fault:
    if keys == ("scenario", "name"):
        expected = "Must be 1 to 64 letters, digits, - or _, beginning with a letter or digit"
        return Fault(204, keys, shown(value), expected, 'Write a name such as "my-scenario"')
    return Fault(204, keys, shown(value), "Must hold no control characters", "Write it on one line without tabs")


_TRANSLATIONS: dict[str, _Translate] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _choice,
    "string_type": _typed("Must be text", "Put it in quotes"),
    "bool_type": _typed("Must be true or false", "Write true or false without quotes"),
    "model_type": _table_expected,
    "model_attributes_type": _table_expected,
    "dict_type": _table_expected,
    "tuple_type": _list_expected,
    "list_type": _list_expected,
    "too_short": _too_few,
    "string_too_short": _too_short,
    "string_too_long": _too_long,
    "string_pattern_mismatch": _pattern,
}
