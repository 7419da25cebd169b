"""A small, deterministic TOML writer: tables in the order given, one way to write each value."""

from __future__ import annotations

import re
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def write_toml(data: dict[str, Any]) -> str:
    """TOML text of nested dicts, lists, strings, numbers and booleans.

    A dict with the key ``value`` becomes an inline table, a list of dicts an array of tables.

    Examples
    --------
    >>> print(write_toml({"a": {"b": {"value": 1.0, "unit": "km"}}}), end="")
    [a]
    b = { value = 1.0, unit = "km" }
    """
    lines: list[str] = []
    _table(data, (), lines)
    return "\n".join(lines).strip("\n") + "\n"


def _table(table: dict[str, Any], keys: tuple[str, ...], lines: list[str]) -> None:
    nested = {key: value for key, value in table.items() if _is_table(value) or _is_array_of_tables(value)}
    for key, value in table.items():
        if key not in nested:
            lines.append(f"{_key(key)} = {_inline(value)}")
    for key, value in nested.items():
        place = (*keys, key)
        name = ".".join(_key(part) for part in place)
        if isinstance(value, list):
            for entry in value:
                lines.extend(["", f"[[{name}]]"])
                _table(entry, place, lines)
        else:
            if not value or any(not (_is_table(entry) or _is_array_of_tables(entry)) for entry in value.values()):
                lines.extend(["", f"[{name}]"])
            _table(value, place, lines)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and "value" not in value


def _is_array_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_table(entry) for entry in value)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _inline(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_inline(entry) for entry in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(entry)}" for key, entry in value.items()) + " }"
    raise ValueError(f"TOML has no value for {type(value).__name__}")


def _string(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return (
        '"'
        + "".join(escapes.get(c) or (c if ord(c) >= 0x20 and ord(c) != 0x7F else f"\\u{ord(c):04X}") for c in text)
        + '"'
    )
