"""REST API of bots."""

from flask import Blueprint

blueprint = Blueprint("bots", __name__, url_prefix="/bots")
