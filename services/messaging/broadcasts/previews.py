"""A broadcast's message before it is sent: as Telegram shows it, and to oneself."""

from __future__ import annotations

from models import Bot, Broadcast
from plugins.effects import Priority
from plugins.flows.parts import Message
from plugins.texts import filled
from services.core.errors import RateLimited
from services.core.i18n import translate
from services.fleet.text_preview import SAMPLE, blocks_of
from services.messaging.broadcasts.checks import checked_message
from services.messaging.broadcasts.drafts import facts
from services.messaging.broadcasts.fields import TestFields
from services.messaging.broadcasts.rendering import OPT_OUT_LABEL, Reader, Renderer
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.plugin_kit.chat_play import ButtonView, ChatMessageView, ChatPictureView
from services.messaging.text_tests import TEST_SECONDS, reachable
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform
from services.platform.redis import keys


def picture(message: Message, *, has_opt_out: bool, language: str) -> ChatPictureView:
    """How the message stands in a chat, with a sample of a person. Raises InvalidInput for what Telegram would refuse."""
    checked_message(message.model_dump(mode="json"), "message")
    text = filled(message.text, SAMPLE, "HTML")
    rows: list[list[ButtonView]] = [
        [{"text": each.text, "place": 0, "url": each.url} for each in row] for row in message.buttons
    ]
    if has_opt_out:
        rows.append([{"text": translate(OPT_OUT_LABEL, language), "place": 0, "url": ""}])
    shown: ChatMessageView = {
        "message_id": 1,
        "is_own": False,
        "blocks": blocks_of(text, "HTML"),
        "rows": rows,
    }
    return {"messages": [shown], "notice": "", "refusal": "", "failure": None}


def send_test(platform: Platform, caller: Principal, broadcast_id: int, wanted: TestFields) -> None:
    """Send one of its texts to somebody whom the bot can reach: oneself. NotFound for a stranger, RateLimited."""
    with platform.database.transaction() as session:
        broadcast = get_owned(session, caller, Broadcast, broadcast_id)
        bot = get_owned(session, caller, Bot, wanted.bot_id)
        audit(session, caller, "broadcast_tested", **facts(broadcast), telegram_id=wanted.telegram_id)
    lead = reachable(platform, bot, wanted.telegram_id)
    if not platform.redis.set(keys.recent_test(f"bot:{bot.id}"), "1", nx=True, ex=TEST_SECONDS):
        raise RateLimited("Wait five seconds between tests", retry_after=TEST_SECONDS)
    names = (lead.first_name, lead.last_name, lead.username, lead.language) if lead is not None else ()
    reader = Reader(bot.id, bot.name, wanted.telegram_id, *names)
    stored = broadcast.variants[min(wanted.variant, len(broadcast.variants) - 1)]["message"]
    renderer = Renderer(platform.vault, broadcast.id, has_opt_out=broadcast.has_opt_out)
    method, params = renderer.sending(Message.model_validate(stored), reader)
    params.pop("allow_paid_broadcast", None)  # one message costs nothing
    enqueue_call(platform, bot.id, method, params, Priority.REPLY)
