"""A question in front of /start: tap the emoji that is named. Who has passed is on their row, for good.

What was sent with /start waits in the buttons' payload, sealed in Redis for as long as they live. When that is lost, or the
time is over, the person sends /start again; only that they have passed must outlive Redis, else a whole audience would be
asked again in the middle of an attack.
"""

from __future__ import annotations

import json
import random
from typing import Any, Final

from sqlalchemy import select, update

from models import Lead
from plugins.context import Context
from services.core.i18n import Text, translate
from services.core.metrics import UPDATES
from services.core.storable import storable
from services.core.times import utc_now
from services.fleet.bots.access_rules import AccessRules
from services.fleet.pools.start_payload import LONGEST_PAYLOAD, split_payload
from services.messaging.limits.captcha_choices import CHOICE, TRIES
from services.messaging.updates.contacts import start_payload
from services.messaging.updates.event_facts import writer_of
from services.platform.platform import Platform

EMOJI: Final = tuple("🍎🍌🍇🍓🍉🍍🥕🌽🍄🌵🌻🐶🐱🐸🐢🐘🦁🐝🚗🚀⚽🎈🔑🎁")
CHOICES, COLUMNS = 6, 3
LONGEST_TEXT: Final = 256  # of a /start that is kept; what links carry has 64 characters at most
KEPT: Final = ("message_id", "date", "message_thread_id", "is_topic_message", "direct_messages_topic")
CHANCE: Final = random.SystemRandom()


class Captcha:
    """Asks, and remembers who has passed."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def holds_back(self, rules: AccessRules, ctx: Context) -> bool:
        """Whether this is the /start of somebody who has to pass first. Raises Unavailable when the database is away.

        While the switch is off nothing is looked up.
        """
        if not rules.captcha or ctx.is_admin or start_payload(ctx) is None:
            return False
        if ctx.event.chat.type != "private" or writer_of(ctx) is None:
            return False
        person = (Lead.bot_id == ctx.bot.id, Lead.telegram_id == ctx.lead.telegram_id)
        with self._platform.database.reading() as session:
            return session.scalar(select(Lead.captcha_passed_at).where(*person)) is None

    def is_passed(self, rules: AccessRules, tapped: Context) -> bool:
        """Whether the right emoji was tapped, or none is asked for any more; then it is on the person's row.

        Otherwise they are asked once more. Raises Unavailable when the database is away.
        """
        if rules.captcha and not _is_right(tapped):
            UPDATES.labels("kept_out").inc()
            _ask_again(tapped)
            return False
        person = (Lead.bot_id == tapped.bot.id, Lead.telegram_id == tapped.lead.telegram_id)
        with self._platform.database.transaction() as session:
            session.execute(
                update(Lead)
                .where(*person, Lead.captcha_passed_at.is_(None))
                .values(captcha_passed_at=utc_now())
                .execution_options(synchronize_session=False)
            )
        tapped.answer()
        tapped.delete()
        return True


def ask(ctx: Context) -> None:
    """Ask the sender of /start."""
    message = ctx.update["message"]
    kept = {name: message[name] for name in KEPT if name in message}
    start = {**kept, "text": str(message["text"])[:LONGEST_TEXT]}
    text, markup = _question(ctx, start, 0)
    ctx.send(text, reply_markup=markup, parse_mode=None)


def start_update(ctx: Context) -> dict[str, Any]:
    """The /start that was kept, as it would have come at this moment."""
    query = ctx.update["callback_query"]
    person = {"from": query["from"], "chat": query["message"]["chat"]}
    start: dict[str, Any] = _payload(ctx)["start"]
    command = {"type": "bot_command", "offset": 0, "length": len(start["text"].split(maxsplit=1)[0])}
    return {"update_id": ctx.update["update_id"], "message": {**start, **person, "entities": [command]}}


def start_param_of(ctx: Context) -> str:
    """What a /start was sent with, without the click's token, which was bound when it first came."""
    return split_payload(storable(start_payload(ctx) or "")[:LONGEST_PAYLOAD])[0]


def _ask_again(ctx: Context) -> None:
    """The tap was wrong: another question, or after the last try none."""
    payload = _payload(ctx)
    tries = payload["tries"] + 1
    if tries >= TRIES.limit:
        minutes = TRIES.window // 60
        ctx.answer()
        over = Text("⏳ That was not it. Wait {minutes} minutes, then send /start.", minutes=minutes)
        ctx.edit(_said(ctx, over), parse_mode=None)
        return
    text, markup = _question(ctx, payload["start"], tries)
    ctx.answer(_said(ctx, Text("That was not it. Try once more.")))
    ctx.edit(text, reply_markup=markup, parse_mode=None)


def _question(ctx: Context, start: dict[str, Any], tries: int) -> tuple[str, dict[str, Any]]:
    shown = CHANCE.sample(EMOJI, CHOICES)
    right = CHANCE.randrange(CHOICES)
    payload = json.dumps({"right": right, "tries": tries, "start": start})
    buttons = [ctx.button(emoji, f"{CHOICE}{at}", payload, once=True) for at, emoji in enumerate(shown)]
    rows = [buttons[at : at + COLUMNS] for at in range(0, CHOICES, COLUMNS)]
    return _said(ctx, Text("Tap {emoji} to go on.", emoji=shown[right])), {"inline_keyboard": rows}


def _said(ctx: Context, text: Text) -> str:
    return translate(text, ctx.lead.language)


def _is_right(ctx: Context) -> bool:
    chosen = ctx.tap.action.removeprefix(CHOICE) if ctx.tap else ""
    return chosen == str(_payload(ctx)["right"])


def _payload(ctx: Context) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(ctx.tap.payload) if ctx.tap else {}
    return payload
