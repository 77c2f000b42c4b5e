"""The blueprint of all panel pages, apart so that each page's file can hang its views on it."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("panel", __name__)  # no prefix: `/` leads to the panel too
