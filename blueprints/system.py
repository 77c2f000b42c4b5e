"""System: health and metrics."""

from flask import Blueprint

blueprint = Blueprint("system", __name__)
