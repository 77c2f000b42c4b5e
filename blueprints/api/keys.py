"""REST API of keys."""

from flask import Blueprint

blueprint = Blueprint("keys", __name__, url_prefix="/keys")
