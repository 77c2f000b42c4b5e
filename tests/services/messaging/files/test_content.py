"""What a file is, by its bytes; what runs, and what is two things at once, is refused."""

from __future__ import annotations

import io

import pytest

from plugins.files import SAFE_TYPES, FileRefused
from services.platform.files.checking import checked_type
from services.platform.files.content import ContentCheck
from services.platform.files.names import is_runnable, shown_name
from tests.services.messaging.files.contents import JPEG, PNG, WORD, office, zipped


def found(content: bytes, *types: str, piece: int = 7) -> str:
    """The type, or the code of the refusal; fed in small pieces, as it may arrive."""
    check = ContentCheck()
    for first in range(0, len(content), piece):
        check.feed(content[first : first + piece])
    try:
        return checked_type(check, io.BytesIO(content), types or SAFE_TYPES)
    except FileRefused as refusal:
        return refusal.code


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00", "video/mp4"),
        (b"\x00\x00\x00\x18ftypM4A \x00\x00", "audio/mp4"),
        (b"\xff\xfb\x90\x64" + b"\x00" * 400, "audio/mpeg"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"%PDF-1.7\n1 0 obj << /OpenAction [3 0 R /Fit] >>", "application/pdf"),
        ("Olá, ação — 2 < 3\n".encode(), "text/plain"),
        (office(b"wordprocessingml.document.main+xml", document__xml=b"<w/>"), WORD),
    ],
)
def test_a_file_of_a_known_type_is_known(content: bytes, mime: str) -> None:
    assert found(content) == mime


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\x00",
        b"\x7fELF\x02",
        b"\xcf\xfa\xed\xfe\x07",
        b"\xca\xfe\xba\xbe\x00",
        b"#!/bin/sh\nrm -rf /\n",
        b"\xef\xbb\xbf#!/usr/bin/env python\n",
        b"@echo off\r\ndel *.*\r\n",
        b"<!DOCTYPE html><p>hi",
        b"notes\n<ScRiPt>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
        b"<?php system($_GET[0]);",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old office",
        PNG + zipped(a__txt=b"1"),  # a picture, and an archive behind it
        JPEG + b"<?php system(1);",
        b"GIF89a/*" + b"%PDF-1.4",
        PNG[:8] + b"tEXt<script src=//x.example>",
        b"%PDF-1.7 << /S /JavaScript /JS (app.alert(1)) >>",
        b"%PDF-1.7 << /S /Launch /F (cmd.exe) >>",
        office(b"wordprocessingml.document.main+xml", vbaProject__bin=b"macro"),
        office(b"application/vnd.ms-word.document.macroEnabled.main+xml"),
        zipped(setup__exe=b"MZ"),
        zipped(AndroidManifest__xml=b"<x/>"),
    ],
)
def test_what_runs_is_refused_whatever_is_allowed(content: bytes) -> None:
    assert found(content, *SAFE_TYPES, "application/zip", "image/svg+xml") == "executable"
    assert found(content, *SAFE_TYPES, "application/zip", piece=100_000) == "executable"


def test_what_is_not_allowed_or_not_known_is_refused() -> None:
    assert found(zipped(a__txt=b"1")) == "type"
    assert found(zipped(a__txt=b"1"), "application/zip") == "application/zip"
    assert found(PNG, "image/jpeg") == "type"
    assert found(b"\x01\x02\x03 nothing known") == "type"
    assert found(b"PK\x03\x04 but no archive", "application/zip") == "type"
    assert found(b"\x00\x00\x00\x18ftypheic\x00\x00") == "type"


def test_a_list_of_members_too_long_to_be_read_is_not_read() -> None:
    honest = bytearray(zipped(a__txt=b"1"))
    end = honest.rfind(b"PK\x05\x06")
    honest[end + 12 : end + 16] = (2**31).to_bytes(4, "little")
    assert found(bytes(honest), "application/zip") == "type"


def test_a_name_loses_its_path_and_what_cannot_be_seen() -> None:
    assert shown_name("../../etc/passwd", "document") == "passwd"
    assert shown_name("C:\\temp\\notes.txt", "document") == "notes.txt"
    assert shown_name("in\u202evoice\x00\n.pdf", "document") == "invoice.pdf"
    assert shown_name(" .. ", "photo") == "photo"
    assert len(shown_name("x" * 500 + ".jpeg", "photo")) == 100
    assert shown_name("x" * 500 + ".jpeg", "photo").endswith(".jpeg")
    names = ("invoice.pdf.EXE ", "a.docm", "invoice.pdf")
    assert [is_runnable(name) for name in names] == [True, True, False]
