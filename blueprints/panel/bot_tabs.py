"""What the tabs Texts, Files, Store and Events of a bot's page need beside the bot: the kinds of event to choose from, and texts."""

from __future__ import annotations

from flask_babel import gettext as _

from blueprints.panel.plurals import ScriptText, counted
from services.reporting.event_texts import BOT_KINDS, kind_text
from web.reader_language import translated


def event_kinds() -> list[tuple[str, str]]:
    """Kinds of event that a bot can have, with their names, in the order of these."""
    return sorted(((kind, translated(kind_text(kind))) for kind in BOT_KINDS), key=lambda each: each[1])


def bot_tab_texts() -> dict[str, ScriptText]:
    """What the scripts of these tabs say."""
    return {
        "texts.saved": _("The texts are saved. The bot says them from now on."),
        "texts.same": _("The bot says exactly this already."),
        "texts.line": _("Line {line}: {detail}"),
        "texts.too_large": _("The file is too large for a file of texts."),
        "texts.not_utf8": _("The file is not written in UTF-8. Save it as UTF-8 and load it again."),
        "texts.mistakes": counted("{count} mistake", "{count} mistakes"),
        "texts.changes": counted("{count} text changes", "{count} texts change"),
        "files.person": _("Telegram id {id}"),
        "files.used": _("{used} of {limit} in use by all bots of the account"),
        "files.used_unlimited": _("{used} in use by all bots of the account"),
        "files.save": _("Download {name}"),
        "files.remove": _("Delete {name}"),
        "files.delete.title": _("Delete {name}?"),
        "files.delete.text": _(
            "The file goes for good, and the bot cannot send it any more. Who sent it still has it in the chat."
        ),
        "files.delete.action": _("Delete"),
        "files.deleted": _("The file is deleted."),
        **_kinds(),
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


def _kinds() -> dict[str, str]:
    """What people send, by Telegram's words."""
    return {
        "files.kind.photo": _("Photo"),
        "files.kind.video": _("Video"),
        "files.kind.video_note": _("Video message"),
        "files.kind.audio": _("Audio"),
        "files.kind.voice": _("Voice message"),
        "files.kind.document": _("Document"),
        "files.kind.animation": _("Animation"),
        "files.kind.sticker": _("Sticker"),
    }
