"""Reading a workbook back as a spreadsheet does: part by part, by what the parts say of each other."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def cells_of(content: bytes) -> list[list[Any]]:
    """The rows of the first sheet, as wide as the first; texts, numbers and None for empty cells."""
    with ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        parts = {name: ElementTree.fromstring(file.read(name)) for name in file.namelist()}
    types = {each.get("PartName") for each in parts["[Content_Types].xml"] if each.get("PartName")}
    assert types == {f"/{name}" for name in parts if name.startswith("xl/") and not name.endswith(".rels")}
    (book,) = (each.get("Target") for each in parts["_rels/.rels"])
    (sheet,) = parts[str(book)].iter(f"{MAIN}sheet")
    targets = {each.get("Id"): each.get("Target") for each in parts["xl/_rels/workbook.xml.rels"]}
    rows = list(parts[f"xl/{targets[sheet.get(RELATION)]}"].iter(f"{MAIN}row"))
    assert [row.get("r") for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    found = [{_column(cell): _value(cell) for cell in row} for row in rows]
    return [[row.get(column) for column in range(len(found[0]))] for row in found]


def _column(cell: ElementTree.Element) -> int:
    letters = re.sub(r"\d", "", str(cell.get("r")))
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _value(cell: ElementTree.Element) -> Any:
    if cell.get("t") == "inlineStr":
        return cell.findtext(f"{MAIN}is/{MAIN}t")
    number = float(str(cell.findtext(f"{MAIN}v")))
    return int(number) if number.is_integer() else number
