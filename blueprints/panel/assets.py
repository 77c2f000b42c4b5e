"""Vendored files with their integrity, as in static/vendor/VENDORED.md (a test compares both with the files)."""

from __future__ import annotations

from typing import NamedTuple


class Vendored(NamedTuple):
    """A file below static/ and the hash a browser must find before it uses it."""

    path: str
    integrity: str


ALPINE = Vendored(
    "vendor/alpinejs-csp-3.17.4/alpine-csp.min.js",
    "sha384-DQd2BgbtOQrdt/JbxcM+wSb8poOHwsG5W2jbbXskj85r7SWPwqpBFgGGR1devM/D",
)
UPLOT = Vendored(
    "vendor/uplot-1.6.32/uPlot.iife.min.js",
    "sha384-Gx3t0zdBAuQOuvvmaLZj7HKEiSgWTAs+VdtNY7wt19QDPTDQjFIwAuXDj0zeN00c",
)
UPLOT_CSS = Vendored(
    "vendor/uplot-1.6.32/uPlot.min.css",
    "sha384-IfV0B7MIOYuO95kO9G5ySKPz/85zqFNOAs8iy4tkK5zd9izhJAB8b7lHrwYqqmYE",
)
