"""Reports as a workbook (.xlsx) of one sheet: texts stay texts, numbers are numbers, in every language of a spreadsheet.

A CSV says neither its encoding nor its separator nor its decimal sign: a Portuguese Excel takes the comma for a decimal
sign, "12.5" for a date and the bytes of "promoção" for other letters. Written by hand, since a table needs little of
ECMA-376: five parts, and cells with their text inside. A text is never a formula there.

XlsxWriter (3.3, told to take texts for neither formulas nor addresses) makes the same cells with a style sheet beside them. Weighed
against these lines in November 2026: 16 MB more in each web process, of 104, since it loads every kind of chart with itself; 2.6 ms of CPU
instead of 0.7 for a report of 30 rows, 490 instead of 160 for one of 9,600 (the hours of 400 days), and so long a web process answers
no click. Its `constant_memory` writes the rows to a file first; a report is in memory already. Should a report want charts,
formats or a second sheet, it is the better tool.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FORMATS: Final = "http://schemas.openxmlformats.org"
_MAIN: Final = f"{_FORMATS}/spreadsheetml/2006/main"
_RELATIONS: Final = f"{_FORMATS}/officeDocument/2006/relationships"
_PACKAGE: Final = f"{_FORMATS}/package/2006"
_KIND: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SHEET: Final = "xl/worksheets/sheet1.xml"
_PARTS: Final = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/{_SHEET}" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
    '<sheets><sheet name="Flotilla" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def workbook(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A file with a header and one line per row; None becomes an empty cell. The same rows make the same bytes."""
    wanted = list(columns)
    lines: list[list[Any]] = [wanted, *([row.get(name) for name in wanted] for row in rows)]
    cells = "".join(_line(number, line) for number, line in enumerate(lines, 1))
    sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{cells}</sheetData></worksheet>'
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as file:
        for name, text in {**_PARTS, _SHEET: sheet}.items():
            file.writestr(ZipInfo(name), _HEAD + text, ZIP_DEFLATED)  # ZipInfo: dated 1980, not now
    return buffer.getvalue()


def _line(number: int, values: Iterable[Any]) -> str:
    cells = [_cell(f"{_letters(place)}{number}", value) for place, value in enumerate(values)]
    return f'<row r="{number}">{"".join(cells)}</row>'


def _letters(place: int) -> str:
    """A column's letters: A to Z, then AA …"""
    letters = chr(ord("A") + place % 26)
    return letters if place < 26 else _letters(place // 26 - 1) + letters


def _cell(place: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<c r="{place}"><v>{value}</v></c>'
    text = escape(_NO_XML.sub("\ufffd", str(value)))
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
