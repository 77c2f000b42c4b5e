"""Pages: who waits for an answer, and one conversation."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from blueprints.api.body import query
from blueprints.panel.blueprint import blueprint
from blueprints.panel.plurals import ScriptText, counted
from blueprints.panel.problems import surroundings
from services.fleet.bots.registry import list_bots
from services.messaging.inbox.conversations import (
    View,
    count_waiting,
    get_conversation,
    list_conversations,
)
from web.access import caller, signed_in
from web.platform import platform

PAGE = 50


class _Asked(BaseModel):
    """Which conversations."""

    view: View = "waiting"
    bot_id: int | None = Field(None, ge=1, lt=2**63)
    mine: str | None = Field(None, max_length=100)
    cursor: int = Field(0, ge=0, le=1_000_000)


@blueprint.get("/panel/inbox")
@signed_in
def inbox() -> str:
    """Who waits the longest first; and which bots keep messages."""
    bots = [
        {"id": bot.id, "username": bot.username, "keeps": bot.keeps_messages}
        for bot in list_bots(platform(), caller())
    ]
    days = platform().settings.messages_retention_days
    return render_template("panel/inbox.html", initial=_live(_Asked()), bots=bots, days=days)


@blueprint.get("/panel/live/inbox")
@signed_in
def live_inbox() -> dict[str, Any]:
    """The same for the page's script."""
    return {**_live(query(_Asked)), **surroundings()}


@blueprint.get("/panel/inbox/<int:conversation_id>")
@signed_in
def conversation(conversation_id: int) -> str:
    """One conversation with the box for an answer."""
    found = get_conversation(platform(), caller(), conversation_id)
    return render_template("panel/conversation.html", section="panel.inbox", talk=found)


@blueprint.get("/panel/live/inbox/<int:conversation_id>")
@signed_in
def live_conversation(conversation_id: int) -> dict[str, Any]:
    """The same for the page's script."""
    found = get_conversation(platform(), caller(), conversation_id)
    return {"talk": found, **surroundings()}


def _live(asked: _Asked) -> dict[str, Any]:
    found, following = list_conversations(
        platform(),
        caller(),
        view=asked.view,
        bot_id=asked.bot_id,
        assigned_to=asked.mine,
        after=asked.cursor,
        limit=PAGE,
    )
    return {"talks": found, "next": following, "waiting": count_waiting(platform(), caller())}


def inbox_texts() -> dict[str, ScriptText]:
    """What the scripts of these pages say."""
    return {
        "inbox.waiting": counted("{count} person waits", "{count} people wait"),
        "inbox.since": _("waits, wrote {when}"),
        "inbox.answered": _("{name} answered {when}"),
        "inbox.telegram": _("somebody in the group"),
        "inbox.done": _("nobody waits"),
        "inbox.sees_to_it": _("{name} sees to it"),
        "inbox.you": _("The bot: {text}"),
        "inbox.taken_until": _("The flow rests until {when}."),
        "inbox.handed_over": _("The flow rests: it handed the person over to you."),
        "inbox.kept": _("The bot keeps messages from now on."),
        "inbox.not_kept": _("The bot keeps no messages any more. What it kept stays until its time."),
        "inbox.marked": _("Marked as done."),
        "inbox.assigned": _("Saved who sees to it."),
        "inbox.taken": _("Taken over: the flow rests."),
        "inbox.released": _("The bot goes on."),
        "message.sending": _("Sending…"),
        "message.sent": _("Arrived at Telegram"),
        "message.failed": _("Not delivered: {reason}"),
        "message.unknown": _("No word from Telegram yet. Look into the chat before you write it again."),
        "message.bot": _("Bot"),
        **_kinds(),
    }


def _kinds() -> dict[str, str]:
    """What a message is beside a text."""
    return {
        "kind.photo": _("Photo"),
        "kind.video": _("Video"),
        "kind.animation": _("Animation"),
        "kind.audio": _("Audio"),
        "kind.voice": _("Voice message"),
        "kind.video_note": _("Video message"),
        "kind.document": _("Document"),
        "kind.sticker": _("Sticker"),
        "kind.album": _("Album"),
        "kind.invoice": _("Invoice"),
        "kind.contact": _("Contact"),
        "kind.location": _("Location"),
        "kind.copy": _("Message from the group"),
        "kind.forward": _("Forwarded message"),
    }
