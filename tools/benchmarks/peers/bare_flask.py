"""The least that Flask can do for a redirect."""

from flask import Flask, redirect
from werkzeug.wrappers import Response

app = Flask(__name__)


@app.get("/go/<slug>")
def go(slug: str) -> Response:
    """Always the same place."""
    return redirect("https://t.me/fleet_1_bot?start=acesso", 302)
