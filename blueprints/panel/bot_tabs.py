"""What the tabs Store and Events of a bot's page need beside the bot: the kinds of event to choose from, and texts."""

from __future__ import annotations

from flask_babel import gettext as _

from services.reporting.event_texts import BOT_KINDS, kind_text
from web.reader_language import translated


def event_kinds() -> list[tuple[str, str]]:
    """Kinds of event that a bot can have, with their names, in the order of these."""
    return sorted(((kind, translated(kind_text(kind))) for kind in BOT_KINDS), key=lambda each: each[1])


def bot_tab_texts() -> dict[str, str]:
    """What the scripts of the two tabs say."""
    return {
        "events.from": _("{by}, from {ip}"),
        "store.size": _("Keys: {keys} · {size} KB of {limit} MB"),
        "store.share": _("Share of the store of {plugin} that is used"),
        "store.deleted": _("The key is deleted."),
        "store.cleared": _("The store is empty."),
        "store.delete.title": _("Delete {key}?"),
        "store.delete.text": _("The plugin {plugin} forgets this value at once, and cannot get it back."),
        "store.delete.action": _("Delete"),
        "store.clear.title": _("Clear the store of {plugin}?"),
        "store.clear.text": _(
            "All it keeps of this bot is deleted, {n} keys. It goes on as on its first day; there is no way back."
        ),
        "store.clear.action": _("Clear"),
    }
