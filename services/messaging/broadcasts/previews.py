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
from services.messaging.broadcasts.contents import step_in
from services.messaging.broadcasts.drafts import facts
from services.messaging.broadcasts.fields import FlowStep, PreviewFields, TestFields
from services.messaging.broadcasts.rendering import OPT_OUT_LABEL, Reader, Renderer
from services.messaging.broadcasts.step_checks import messages_of_step, refuse_silent_bot
from services.messaging.flows.people import start_flow
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.plugin_kit.chat_play import ButtonView, ChatMessageView, ChatPictureView
from services.messaging.text_tests import TEST_SECONDS, reachable
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform
from services.platform.redis import keys


def picture(platform: Platform, caller: Principal, wanted: PreviewFields, language: str) -> ChatPictureView:
    """How a message, or what a step says, stands in a chat, with a sample of a person. Raises InvalidInput for what can't be sent."""
    if wanted.step is None:
        messages = [checked_message(wanted.model_dump(mode="json")["message"], "message")]
    else:
        with looking(platform, caller) as session:
            named = messages_of_step(session, caller.account_id, wanted.step, "step")
            messages = [*named]
    shown = [_shown(number, message) for number, message in enumerate(messages, 1)]
    if wanted.has_opt_out:
        button: ButtonView = {"text": translate(OPT_OUT_LABEL, language), "place": 0, "url": ""}
        shown[-1]["rows"].append([button])
    return {"messages": shown, "notice": "", "refusal": "", "failure": None}


def _shown(number: int, message: Message) -> ChatMessageView:
    text = filled(message.text, SAMPLE, "HTML")
    rows: list[list[ButtonView]] = [
        [{"text": each.text, "place": 0, "url": each.url} for each in row] for row in message.buttons
    ]
    return {
        "message_id": number,
        "is_own": False,
        "blocks": blocks_of(text, "HTML"),
        "rows": rows,
    }


def send_test(platform: Platform, caller: Principal, broadcast_id: int, wanted: TestFields) -> None:
    """Send one of its texts to somebody whom the bot can reach, or put them at its step: oneself. NotFound for a stranger, RateLimited."""
    with platform.database.transaction() as session:
        broadcast = get_owned(session, caller, Broadcast, broadcast_id)
        bot = get_owned(session, caller, Bot, wanted.bot_id)
        audit(session, caller, "broadcast_tested", **facts(broadcast), telegram_id=wanted.telegram_id)
    lead = reachable(platform, bot, wanted.telegram_id)
    if not platform.redis.set(keys.recent_test(f"bot:{bot.id}"), "1", nx=True, ex=TEST_SECONDS):
        raise RateLimited("Wait five seconds between tests", retry_after=TEST_SECONDS)
    names = (lead.first_name, lead.last_name, lead.username, lead.language) if lead is not None else ()
    reader = Reader(bot.id, bot.name, wanted.telegram_id, *names)
    chosen = broadcast.variants[min(wanted.variant, len(broadcast.variants) - 1)]
    step = step_in(chosen)
    if step is not None:
        _put_at(platform, bot, wanted.telegram_id, step)
        return
    renderer = Renderer(platform.vault, broadcast.id, has_opt_out=broadcast.has_opt_out)
    method, params = renderer.sending(Message.model_validate(chosen["message"]), reader)
    params.pop("allow_paid_broadcast", None)  # one message costs nothing
    enqueue_call(platform, bot.id, method, params, Priority.REPLY)


def _put_at(platform: Platform, bot: Bot, person: int, step: FlowStep) -> None:
    with platform.database.transaction() as session:
        messages_of_step(session, bot.account_id, step, "step")
        refuse_silent_bot(session, bot)
        start_flow(session, [(bot.id, person)], step.flow, step.step)
