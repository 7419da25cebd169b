"""Reading a CSV table a user wrote: every bad cell is reported at once, by line and column."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sim.errors import DataError, LeachSimError, Problems, ScenarioError
from sim.scenario.faults import closest, listed, shown

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = {"nan", "+nan", "-nan", "inf", "+inf", "-inf", "infinity", "-infinity", "na", "null"}
_LARGEST = 200_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its number in the file and its cells by column."""

    line: int
    cells: Mapping[str, str]


@dataclass
class Reader:
    """Collects the problems of one table while its cells are read."""

    path: Path
    header: tuple[str, ...] = ()
    problems: list[LeachSimError] = field(default_factory=list)

    def rows(self, known: Sequence[str]) -> list[Row]:
        """Lines of the table; blank lines and lines that begin with # are passed over.

        Known columns may be written in any case; `header` holds them as in `known`, others as written.

        Raises
        ------
        Problems
            LS-301 or LS-302 if the file cannot be read as text, LS-307 if it holds no header.
        """
        entries = list(self._entries())
        if not entries:
            expected = "The table holds no header line"
            raise Problems(
                [DataError(307, self.path.name, expected=expected, remedy="Begin with a line of column names")]
            )
        _, names = entries[0]
        canonical = {name.casefold(): name for name in known}
        self.header = tuple(canonical.get(name.strip().casefold(), name.strip()) for name in names)
        repeated = sorted({name for name in self.header if self.header.count(name) > 1})
        for name in repeated:
            where = f"{self.path.name}: header"
            self.add(DataError(307, where, got=shown(name), expected="Columns must differ", remedy="Remove one"))
        found = []
        for line, cells in entries[1:]:
            if len(cells) != len(self.header):
                got = f"{len(cells)} cells"
                remedy = "Numbers take a decimal point; texts with a comma stand in double quotes"
                expected = f"Must hold {len(self.header)} cells, one for each column"
                self.add(DataError(308, f"{self.path.name}:{line}", got=got, expected=expected, remedy=remedy))
            else:
                found.append(Row(line, {name: cell.strip() for name, cell in zip(self.header, cells, strict=True)}))
        return found

    def _entries(self) -> Iterator[tuple[int, list[str]]]:
        # a comment becomes an empty line, so that line numbers stay those of the file
        lines = ("\n" if line.startswith("#") else line for line in self._text().splitlines(keepends=True))
        reader = csv.reader(lines, strict=True)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, cells
        except csv.Error as error:
            where = f"{self.path.name}:{reader.line_num}"
            expected = f"Must be a CSV table: {error}"
            raise Problems(
                [DataError(302, where, expected=expected, remedy="Check the double quotes of this line")]
            ) from error

    def _text(self) -> str:
        name = self.path.name
        try:
            if self.path.stat().st_size > _LARGEST:
                expected = f"Must be at most {_LARGEST // 1_000_000} MB"
                raise Problems([DataError(302, name, expected=expected, remedy="Split the scenario")])
            content = self.path.read_bytes()
        except FileNotFoundError as error:
            raise Problems(
                [DataError(301, name, expected=f"No file at {self.path}", remedy="Check its name")]
            ) from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Problems(
                [DataError(302, name, expected=f"Cannot be read: {reason}", remedy="Check its permissions")]
            ) from error
        try:
            return content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            where = f"{name}:{_line(content, error.start)}"
            got = f"byte 0x{content[error.start]:02X}"
            remedy = "Save the table as CSV with the encoding UTF-8"
            raise Problems([DataError(302, where, got=got, expected="Must be UTF-8 text", remedy=remedy)]) from error

    def add(self, problem: LeachSimError) -> None:
        """Keep a problem for `finish`."""
        self.problems.append(problem)

    def in_file_order(self) -> None:
        """Sort the problems by line: columns are read one after another, users mend lines."""

        def line(problem: LeachSimError) -> int:
            number = problem.where.removeprefix(f"{self.path.name}:").partition(":")[0]
            return int(number) if number.isdigit() else 0

        self.problems.sort(key=line)

    def finish(self) -> None:
        """Raise every problem found, if there is one."""
        if self.problems:
            raise Problems(self.problems)

    def require(
        self, columns: Sequence[str], known: Sequence[str], aliases: Mapping[str, str], *, strict: bool, note: str = ""
    ) -> None:
        """Report missing columns, and unknown ones when `strict` or when they look misspelt.

        `aliases` are names other tables use -> the column meant; `note` tells the columns there are.
        A table whose columns are wrong is not read further.
        """
        where = f"{self.path.name}: header"
        unknown = [name for name in self.header if name and name not in known]
        missing = [name for name in columns if name not in self.header]
        if missing and len(self.header) == 1 and re.search(r"[;\t]", self.header[0]):
            expected = f"Must hold the columns {listed(columns, 'and')}, separated by commas"
            remedy = "Save the table with commas between cells"
            raise Problems([DataError(307, where, got=shown(self.header[0]), expected=expected, remedy=remedy)])
        for name in missing:
            meant = [other for other in unknown if aliases.get(other.casefold()) == name]
            near = meant[0] if meant else closest(name, unknown)
            remedy = f'Rename column "{near}" to "{name}"' if near else "Add it to the header"
            self.add(DataError(307, where, expected=f'Column "{name}" is missing', remedy=remedy))
        free = [name for name in known if name not in self.header]
        for name in unknown if not missing else ():
            near = aliases.get(name.casefold(), "") or closest(name, free)
            if strict or near in free:
                told = note or f"Columns are {listed(known, 'and')}"
                remedy = f'Did you mean "{near}"? {told}' if near in free else told
                self.add(DataError(307, where, got=shown(name), expected="Is not a known column", remedy=remedy))
        if any(problem.number == 307 for problem in self.problems):
            self.in_file_order()
            self.finish()

    def number(
        self, row: Row, column: str, *, above: float | None = None, least: float | None = None,
        most: float | None = None, blank: float | None = None, whole: bool = False, hint: str = "",
    ) -> float:  # fmt: skip
        """Number in a cell; a bad one is reported and stands as nan."""
        text = row.cells.get(column, "")
        where = f"{self.path.name}:{row.line}: {column}"
        if not text:
            if blank is not None:
                return blank
            self.add(DataError(308, where, expected="The cell is empty", remedy="Write a number"))
            return math.nan
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(value):
            finite = text.casefold() in _NOT_FINITE or not math.isnan(value)
            expected = "Must be a finite number" if finite else "Must be a number"
            remedy = "Write a decimal point and no unit" if not finite else "Write a number or remove the row"
            self.add(DataError(308, where, got=shown(text) if not finite else text, expected=expected, remedy=remedy))
            return math.nan
        problem = _out_of_range(value, above, least, most) or ("Must be a whole number" if whole and value % 1 else "")
        if problem:
            self.add(DataError(308, where, got=text, expected=problem, remedy=hint))
            return math.nan
        return value

    def identifiers(self, rows: Sequence[Row], column: str) -> tuple[str, ...]:
        """Texts of a column that must be there and differ."""
        first: dict[str, int] = {}
        for row in rows:
            text = row.cells[column]
            where = f"{self.path.name}:{row.line}: {column}"
            if not text:
                self.add(DataError(308, where, expected="The cell is empty", remedy="Give the row a name of its own"))
            elif len(text) > 120 or not text.isprintable():
                expected = "Must be at most 120 printable characters"
                self.add(DataError(308, where, got=shown(text), expected=expected, remedy="Shorten it"))
            elif text in first:
                expected = f"Must differ from the others, and line {first[text]} has it too"
                self.add(ScenarioError(208, where, got=shown(text), expected=expected, remedy="Give each its own"))
            first.setdefault(text, row.line)
        return tuple(row.cells[column] for row in rows)


def _out_of_range(value: float, above: float | None, least: float | None, most: float | None) -> str:
    if above is not None:
        inside = value > above and (most is None or value <= most)
        expected = f"Must be greater than {above:g}" if most is None else f"Must lie in ({above:g}, {most:g}]"
        return "" if inside else expected
    if least is not None and most is not None:
        return "" if least <= value <= most else f"Must lie in [{least:g}, {most:g}]"
    if least is not None and value < least:
        return f"Must be at least {least:g}"
    return ""


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
