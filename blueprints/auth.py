"""Auth: signing in and out, first start."""

from flask import Blueprint

blueprint = Blueprint("auth", __name__)
