"""Where each key of a TOML text stands, so that messages can name the line (tomllib tells only values)."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from sim.scenario.faults import Keys

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_SIMPLE = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


class Span(NamedTuple):
    """Line (from 1) of a key, and the text of its value."""

    line: int
    text: str


def positions(text: str) -> dict[Keys, Span]:
    """Map the place of every table, key and list entry to its line and the text of its value.

    Parameters
    ----------
    text : str
        Valid TOML with newline line ends; what `tomllib` refuses gives meaningless places.

    Examples
    --------
    >>> positions("[a]\\nb = [1, 2]\\n")[("a", "b", 1)]
    Span(line=2, text='2')
    """
    return _Scanner(text).run()


class _Scanner:
    """One walk over the text; every method starts at `self.at` and leaves it behind what it read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Keys, Span] = {}
        self.lengths: dict[Keys, int] = {}  # arrays of tables seen so far
        self.line_ends = [match.start() for match in re.finditer("\n", text)]

    def run(self) -> dict[Keys, Span]:
        table: Keys = ()
        self._skip_blank()
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self._header(array=True)
            elif self.text[self.at] == "[":
                table = self._header(array=False)
            else:
                self._pair(table)
            self._skip_blank()
        return self.found

    def _header(self, *, array: bool) -> Keys:
        start = self.at
        self.at += 2 if array else 1
        names = self._dotted()
        self.at += 2 if array else 1
        keys: Keys = ()
        for name in names[:-1]:
            keys = self._entered((*keys, name))
        keys = (*keys, names[-1])
        if array:
            self.lengths[keys] = self.lengths.get(keys, 0) + 1
            self._note(keys, start, "")
            keys = (*keys, self.lengths[keys] - 1)
        for depth in range(1, len(keys) + 1):
            self._note(keys[:depth], start, "")
        return keys

    def _entered(self, keys: Keys) -> Keys:
        """The last entry of an array of tables stands for the array in later headers."""
        return (*keys, self.lengths[keys] - 1) if keys in self.lengths else keys

    def _note(self, keys: Keys, start: int, value: str) -> None:
        if keys not in self.found:
            self.found[keys] = Span(bisect_left(self.line_ends, start) + 1, value)

    def _pair(self, table: Keys) -> None:
        start = self.at
        names = self._dotted()
        self.at += 1  # the equals sign
        self._skip_spaces()
        keys: Keys = (*table, *names)
        for depth in range(len(table) + 1, len(keys)):
            self._note(keys[:depth], start, "")
        self._value(keys, start)

    def _value(self, keys: Keys, start: int) -> None:
        begin = self.at
        # reserve the place before the entries inside, so that the mapping keeps the order of the text
        self._note(keys, start, "")
        opener = self.text[self.at]
        if opener in "\"'":
            self._string()
        elif opener == "[":
            self._array(keys)
        elif opener == "{":
            self._inline_table(keys)
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1
        self.found[keys] = Span(self.found[keys].line, self.text[begin : self.at].strip())

    def _array(self, keys: Keys) -> None:
        self.at += 1
        count = 0
        self._skip_blank()
        while self.text[self.at] != "]":
            self._value((*keys, count), self.at)
            count += 1
            self._skip_blank()
            if self.text[self.at] == ",":
                self.at += 1
                self._skip_blank()
        self.at += 1

    def _inline_table(self, keys: Keys) -> None:
        self.at += 1
        self._skip_blank()
        while self.text[self.at] != "}":
            self._pair(keys)
            self._skip_blank()
            if self.text[self.at] == ",":
                self.at += 1
                self._skip_blank()
        self.at += 1

    def _dotted(self) -> list[str]:
        names = []
        while True:
            self._skip_spaces()
            if self.text[self.at] in "\"'":
                names.append(self._string())
            else:
                bare = _BARE.match(self.text, self.at)
                if bare is None:
                    raise ValueError(f"no key at character {self.at}")
                names.append(bare.group())
                self.at = bare.end()
            self._skip_spaces()
            if self.text[self.at] != ".":
                return names
            self.at += 1

    def _string(self) -> str:
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        begin = self.at + len(mark)
        self.at = begin
        while not self.text.startswith(mark, self.at):
            self.at += 2 if self.text[self.at] == "\\" and quote == '"' else 1
        # a multi-line string may end in up to two quotes of its own
        while len(mark) == 3 and self.text.startswith(quote, self.at + 3):
            self.at += 1
        content = self.text[begin : self.at]
        self.at += len(mark)
        return _ESCAPE.sub(_unescape, content) if quote == '"' else content

    def _skip_spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1

    def _skip_blank(self) -> None:
        """Skip spaces, line ends and comments."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] in " \t\n\r":
                self.at += 1
            else:
                return


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    return chr(int(code[1:], 16)) if code[0] in "uU" else _SIMPLE.get(code, code)
