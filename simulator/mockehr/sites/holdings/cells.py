"""What stands in a cell of a client's table, as FHIR's JSON would write it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from mockehr.sites.holdings.mapping import Column, Table
from mockehr.sites.holdings.model import Holding, Row, Unreadable

_NUMBERS: Final = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
_TRUTHS: Final[Mapping[str, bool]] = MappingProxyType(
    {"true": True, "t": True, "1": True, "yes": True, "false": False, "f": False, "0": False, "no": False}
)


def row_of(table: Table, cells: Mapping[str, Any], place: str) -> Holding:
    """A row of a table; an Unreadable if it has no id. `cells` have a value by column, None for none."""
    id = cells.get(table.said.id)
    if id is None or str(id).strip() == "":
        return Unreadable(place, f"no id in column {table.said.id!r}")
    elements: dict[str, Any] = {column.path: _value(column, cells[column.name]) for column in table.columns}
    elements |= table.said.constants
    return Row(table.said.type, str(id).strip().removeprefix(f"{table.said.type}/"), elements, place)


def _value(column: Column, cell: Any) -> Any:
    if cell is None:
        return None
    if column.split and isinstance(cell, str):
        return [_single(column, part.strip()) for part in cell.split(column.split)]
    return _single(column, cell)


def _single(column: Column, cell: Any) -> Any:
    """One value; what cannot be read as its element's type stays as it is, and differs from the truth by that."""
    if str(cell) in column.codes:
        return column.codes[str(cell)]
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if column.kind == "boolean":
        return _TRUTHS.get(str(cell).strip().lower(), cell)
    if column.kind in _NUMBERS:
        return _number(cell)
    if column.kind in ("date", "dateTime", "instant") and (column.format or not isinstance(cell, str)):
        return _moment(column, cell)
    if column.kind == "time" and isinstance(cell, time):
        return cell.isoformat()
    return f"{column.prefix}{cell}"


def _number(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if not isinstance(cell, str):
        return cell
    with suppress(ValueError):
        return int(cell)
    with suppress(ValueError):
        return found if math.isfinite(found := float(cell)) else cell
    return cell


def _moment(column: Column, cell: Any) -> Any:
    if isinstance(cell, str):
        try:
            cell = datetime.strptime(cell.strip(), column.format)
        except ValueError:
            return cell
        if "%H" not in column.format and "%I" not in column.format:
            return cell.date().isoformat()
    if isinstance(cell, datetime):
        if column.kind == "date":
            return cell.date().isoformat()
        aware = cell if cell.tzinfo is not None else cell.replace(tzinfo=column.zone)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return cell.isoformat() if isinstance(cell, date) else str(cell)
