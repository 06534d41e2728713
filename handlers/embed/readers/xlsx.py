"""XLSX: each sheet as lines of cells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from io import BytesIO
from typing import Any

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum

from handlers.embed.failures import Unreadable
from handlers.embed.model import Page
from handlers.embed.text import clean

_EXACT_INTEGERS = 10**15


def read_xlsx(content: bytes) -> Iterator[Page]:
    """One page a sheet, hidden ones too, with its name as label and first line; charts and macros have no cells.

    A row is a line, its cells parted by tabs; rows without content are left out. A sheet without content has no text.
    Formulas stand with the value that was last computed.
    """
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(content))
    except PasswordError as error:
        raise Unreadable("encrypted", "the workbook is protected by a password") from error
    with workbook:
        sheets = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        for number, name in enumerate(sheets, start=1):
            lines = [line for row in workbook.get_sheet_by_name(name).iter_rows() if (line := _line(row))]
            text = "\n".join([name, *lines]) if lines else ""
            yield Page(number, clean(name), clean(text))


def _line(row: list[Any]) -> str:
    cells = [cell if type(cell) is str else _shown(cell) for cell in row]
    return "\t".join(" ".join(cell.split()) if "\n" in cell or "\t" in cell else cell for cell in cells).rstrip()


def _shown(cell: Any) -> str:
    """A number, date or truth value as people write it."""
    if type(cell) is bool:
        return "TRUE" if cell else "FALSE"
    if type(cell) is float:
        return str(int(cell)) if cell.is_integer() and abs(cell) < _EXACT_INTEGERS else f"{cell:.15g}"
    if type(cell) is datetime:
        return cell.date().isoformat() if cell.time() == time.min else cell.isoformat(" ")
    return str(cell)
