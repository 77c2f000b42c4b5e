"""The panel's pages, under `/panel`: server-rendered HTML, live by small JSON answers below `/panel/live`."""

from blueprints.panel import bots, context, notifications, overview, pools
from blueprints.panel.blueprint import blueprint

__all__ = ["blueprint", "bots", "context", "notifications", "overview", "pools"]
