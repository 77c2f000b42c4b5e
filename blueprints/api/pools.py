"""REST API of pools."""

from flask import Blueprint

blueprint = Blueprint("pools", __name__, url_prefix="/redirect-pools")
