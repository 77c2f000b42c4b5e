"""Redirects: public links: `/go/<slug>`."""

from flask import Blueprint

blueprint = Blueprint("redirects", __name__)
