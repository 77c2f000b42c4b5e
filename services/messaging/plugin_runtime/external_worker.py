"""A bot whose updates go to a program of its owner's instead of to plugins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExternalWorker:
    """That the owner's own program gets a bot's updates, under which name, and whether one of a chat at a time (ADR 42)."""

    public_id: str
    ordered: bool
