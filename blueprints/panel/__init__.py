"""The panel's pages, under `/panel`: server-rendered HTML, live by small JSON answers below `/panel/live`."""

from blueprints.panel import (
    account_analytics,
    accounts,
    activity,
    analytics,
    bots,
    confirmations,
    context,
    dead_letters,
    experiments,
    lifeboat,
    managed_bots,
    notifications,
    overview,
    plugin_files,
    pools,
    text_files,
    waves,
)
from blueprints.panel.blueprint import blueprint

__all__ = [
    "account_analytics",
    "accounts",
    "activity",
    "analytics",
    "blueprint",
    "bots",
    "confirmations",
    "context",
    "dead_letters",
    "experiments",
    "lifeboat",
    "managed_bots",
    "notifications",
    "overview",
    "plugin_files",
    "pools",
    "text_files",
    "waves",
]
