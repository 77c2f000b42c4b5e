"""QR codes of links."""

from __future__ import annotations

import io

import segno


def qr_svg(link: str, title: str | None = None) -> str:
    """`link` as an SVG document, dark on white with the quiet zone that scanners need; black in any theme.

    `title` is read aloud and shown under a pointer; None means the link itself.
    """
    buffer = io.BytesIO()
    # "Q" survives a quarter of the modules being covered or worn, as on a flyer.
    segno.make(link, error="q", micro=False).save(
        buffer,
        kind="svg",
        scale=8,
        border=4,
        dark="#000",
        light="#fff",
        xmldecl=True,
        svgns=True,
        title=title or link,
    )
    return buffer.getvalue().decode()


def qr_inline(link: str) -> str:
    """The same to stand inside a page."""
    return str(
        segno.make(link, error="q", micro=False).svg_inline(scale=4, border=4, dark="#000", light="#fff")
    )
