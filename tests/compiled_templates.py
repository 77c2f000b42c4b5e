"""Each template is compiled once for the run, not once for each application, whose Jinja is its own."""

from __future__ import annotations

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class _CompiledTemplates(BytecodeCache):
    """What Jinja made of each template, by its name; with a checksum of its text."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take it over; Jinja compiles the template again when its text is another by now."""
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for the next application."""
        self._compiled[bucket.key] = bucket.bytecode_to_string()


def compile_templates_once() -> None:
    """Have every application made from now on share compiled templates."""
    Flask.jinja_options = {"bytecode_cache": _CompiledTemplates()}
