"""Plugins that are in the catalogue for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from plugins.base import BasePlugin
from services.fleet import plugin_catalogue


@contextmanager
def offered(*plugins: type[BasePlugin]) -> Iterator[None]:
    """Have the catalogue hold `plugins` within the block, as if they were built in."""
    before = plugin_catalogue.catalogue()
    plugin_catalogue.offer(*plugins)
    try:
        yield
    finally:
        plugin_catalogue.swap(before)
