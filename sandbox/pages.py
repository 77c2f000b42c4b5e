"""The pages a person sees: bot list, link landing, chat."""

from __future__ import annotations

from flask import Blueprint

from sandbox.world import World


def create_pages(world: World) -> Blueprint:
    """The blueprint with the pages."""
    pages = Blueprint("pages", __name__)

    @pages.get("/")
    def home() -> str:
        return f"{len(world.bots)} bots"

    return pages
