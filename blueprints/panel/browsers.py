"""A browser's name as its owner knows it, from its user agent; only for the list of sessions."""

from __future__ import annotations

from flask_babel import gettext

# The order matters: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(agent: str) -> str:
    """ "Chrome · Linux"; an unknown agent's first word, or a word for "unknown"."""
    known = [next((name for mark, name in table if mark in agent), "") for table in (BROWSERS, SYSTEMS)]
    said = " · ".join(part for part in known if part)
    return said or agent.partition("/")[0][:40] or gettext("Unknown browser")
