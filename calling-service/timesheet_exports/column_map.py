"""The map from an export's columns to the fields of an entry, read from TOML; finds every problem at once.

The shipped maps are the files in formats/, which explain themselves. Not here: how a map is applied.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timesheet_exports.dates import ORDERS
from timesheet_exports.durations import FORMS, ROUNDINGS

FOLDER = Path(__file__).with_name("formats")
SHIPPED = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.:/-]*"
NESTED = re.compile(r"(?<!\\)[*+}][?+]?\)[*+{]")  # its time can double with each character
PREFIX = re.compile("[a-z][a-z0-9-]{0,19}")

Names = tuple[str, ...]


class ColumnMapError(Exception):
    """A map cannot be used; each of `problems` says why, and names the key."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Where an export has the fields of an entry, and how their values are written there."""

    name: str
    columns: dict[str, Names]  # of each field; several are joined by a blank
    units: Names
    rounding: str
    order: str
    id_pattern: str
    id_prefix: str  # "": the tool has ids, which are in the column of external_id
    told_apart_by: Names  # more columns, if the export has them, that make two entries different
    totals: str | None  # what stands in a row that is no entry, folded

    @property
    def makes_ids(self) -> bool:
        """Return whether an id is made of the columns of external_id."""
        return bool(self.id_prefix)

    def column_of(self, field: str) -> str:
        """Return the columns of a field of the API, as people read them."""
        return ", ".join(self.columns.get(field, (field,)))

    def missing(self, header: Sequence[str]) -> list[str]:
        """Return the columns that the header does not name, or names more than once."""
        names = [folded(name) for name in header]
        needed = dict.fromkeys(name for columns in self.columns.values() for name in columns)
        return [name for name in needed if names.count(folded(name)) != 1]


def folded(name: str) -> str:
    """Return the name of a column in the form in which names are compared."""
    return " ".join(name.replace("\ufeff", "").split()).casefold()


def fitting(header: Sequence[str]) -> str | None:
    """Return the shipped map that fits the header of another export, if one does."""
    for name in SHIPPED:
        if not read_column_map(name).missing(header):
            return name
    return None


def read_column_map(name_or_path: str) -> ColumnMap:
    """Return a shipped map by its name, or the map in a file; raise ColumnMapError."""
    path = Path(name_or_path)
    if name_or_path in SHIPPED:
        path = FOLDER / f"{name_or_path}.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ColumnMapError([f"{path} is not TOML: {error}"]) from error
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(SHIPPED)
        problem = f"{path} cannot be read ({type(error).__name__}); name a file, or one of {known}"
        raise ColumnMapError([problem]) from error
    return _map(_Keys(document), str(path))


def _map(keys: "_Keys", path: str) -> ColumnMap:
    fields = {field: keys.names(f"columns.{field}") for field in ("user_id", "date", "project", "hours")}
    made_of = keys.names("id.made_of", needed=False)
    totals = keys.text("totals", None)
    column_map = ColumnMap(
        name=keys.text("name", path),
        columns={"external_id": made_of or keys.names("id.column"), **fields},
        units=keys.choices("hours.unit", FORMS),
        rounding=keys.choice("hours.rounding", ROUNDINGS, "nearest"),
        order=keys.choice("date.order", ORDERS, "YMD"),
        id_pattern=ID_PATTERN if made_of else keys.pattern("id.pattern", ID_PATTERN),
        id_prefix=keys.text("id.prefix", ""),
        told_apart_by=keys.names("id.told_apart_by", needed=False),
        totals=totals and folded(totals),
    )
    if bool(made_of) != bool(PREFIX.fullmatch(column_map.id_prefix)):
        keys.problems.append("id.prefix: set it beside made_of, to a short name of a-z, 0-9 and -")
    single = {"columns.date": fields["date"], "columns.hours": fields["hours"]}
    if not made_of:
        single["id.column"] = column_map.columns["external_id"]
    keys.problems += [f"{key}: name one column" for key, names in single.items() if len(names) > 1]
    keys.problems += [f"{key}: is not known; remove it" for key in keys.unread]
    if keys.problems:
        raise ColumnMapError([f"{path}: {problem}" for problem in keys.problems])
    return column_map


class _Keys:
    """The keys of a TOML document as section.key; those that were read are no longer in `unread`."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.problems: list[str] = []
        self.unread: dict[str, Any] = {}
        for key, value in document.items():
            if isinstance(value, dict):
                self.unread |= {f"{key}.{name}": member for name, member in value.items()}
            else:
                self.unread[key] = value

    def text(self, key: str, default: Any) -> Any:
        value = self.unread.pop(key, default)
        if value is not default and not isinstance(value, str):
            self.problems.append(f"{key}: is not a text")
            return default
        return value

    def names(self, key: str, *, needed: bool = True) -> Names:
        """Return a text, or a list of texts."""
        value = self.unread.pop(key, [])
        names = [value] if isinstance(value, str) else value
        if isinstance(names, list) and all(isinstance(name, str) and name.strip() for name in names):
            if needed and not names:
                self.problems.append(f"{key}: is not set; set it to the name of a column")
            return tuple(names)
        self.problems.append(f"{key}: is not the name of a column, or a list of names")
        return ()

    def choice(self, key: str, known: Iterable[str], default: str) -> str:
        """Return one of the words that are known."""
        value: str = self.text(key, default)
        self._check(key, {value}, known)
        return value

    def choices(self, key: str, known: Iterable[str]) -> Names:
        """Return one or more of the words that are known."""
        chosen = self.names(key, needed=False)
        self._check(key, set(chosen) or {""}, known)
        return chosen

    def _check(self, key: str, chosen: set[str], known: Iterable[str]) -> None:
        if not chosen <= set(known):
            self.problems.append(f"{key}: is not one of {', '.join(known)}")

    def pattern(self, key: str, default: str) -> str:
        value: str = self.text(key, default)
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            self.problems.append(f"{key}: is not a regular expression: {error}")
        if NESTED.search(value):
            self.problems.append(
                f"{key}: repeats a group that ends in a repeat, as (a+)+; write it otherwise"
            )
        return value
