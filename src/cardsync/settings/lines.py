"""Where in a TOML file each key stands; ``tomllib`` does not tell.

The text must have been read by ``tomllib`` without an error: this scan follows TOML 1.0 and does not
check it.  https://toml.io/en/v1.0.0
"""

import re
from collections.abc import Mapping

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]*")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def key_lines(text: str) -> Mapping[Path, int]:
    """The line, from 1, on which each key, table header and element of a list begins."""
    return _Scan(text.replace("\r\n", "\n")).document()


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.counted = (0, 1)  # a position and its line
        self.lines: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}  # arrays of tables: how many so far

    def document(self) -> Mapping[Path, int]:
        table: Path = ()
        self._blank()
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
            self._blank()
        return self.lines

    def _header(self) -> Path:
        double = self.text.startswith("[[", self.at)
        line = self._line()
        self.at += 2 if double else 1
        table: Path = ()
        keys = self._key()
        for key in keys[:-1]:
            table = self._mark((*table, key), line)
            if table in self.tables:
                table = (*table, self.tables[table] - 1)
        table = self._mark((*table, keys[-1]), line)
        if double:
            self.tables[table] = self.tables.get(table, 0) + 1
            table = self._mark((*table, self.tables[table] - 1), line)
        self.at = self.text.index("]", self.at) + (2 if double else 1)
        return table

    def _pair(self, table: Path) -> None:
        line = self._line()
        for key in self._key():
            table = self._mark((*table, key), line)
        self.at = self.text.index("=", self.at) + 1
        self._value(table)

    def _value(self, path: Path) -> None:
        self._blank()
        first = self.text[self.at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline(path)
        elif quoted := _QUOTED.match(self.text, self.at):
            self.at = quoted.end()
        else:
            self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        self._blank()
        while self.text[self.at] != "]":
            self._value(self._mark((*path, index), self._line()))
            index += 1
            self._comma()
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        self._blank()
        while self.text[self.at] != "}":
            self._pair(path)
            self._comma()
        self.at += 1

    def _comma(self) -> None:
        self._blank()
        if self.text[self.at] == ",":
            self.at += 1
            self._blank()

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self._blank()
            if quoted := _QUOTED.match(self.text, self.at):
                parts.append(_unquoted(quoted[0]))
                self.at = quoted.end()
            else:
                start = self.at
                self._skip(_BARE)
                parts.append(self.text[start : self.at])
            self._blank()
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def _blank(self) -> None:
        self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()

    def _line(self) -> int:
        position, line = self.counted
        line += self.text.count("\n", position, self.at)
        self.counted = (self.at, line)
        return line

    def _mark(self, path: Path, line: int) -> Path:
        self.lines.setdefault(path, line)
        return path


def _unquoted(text: str) -> str:
    if text.startswith("'"):
        return text[1:-1]
    return _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _ESCAPED.get(m[3], m[3]), text[1:-1])
