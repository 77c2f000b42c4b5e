"""What operators decide about a conversation: who sees to it, that the flow rests, that it is done; and which bots keep messages."""

from __future__ import annotations

from datetime import timedelta

from models import Bot, Conversation
from services.core.times import utc_now
from services.fleet.bots.registry import locked
from services.fleet.bots.signals import bot_changed
from services.messaging.flows.people import pause_run, release_run
from services.messaging.inbox.answering import locked_conversation, refuse_changed
from services.messaging.inbox.fields import Assignment
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform


def assign(platform: Platform, caller: Principal, conversation_id: int, wanted: Assignment) -> Conversation:
    """Give a conversation to somebody by name. NotFound, Conflict `answered_meanwhile`."""
    with platform.database.transaction() as session:
        talk = locked_conversation(session, caller, conversation_id)
        refuse_changed(talk, wanted.revision)
        talk.assigned_to = wanted.name
        talk.revision += 1
        audit(
            session,
            caller,
            "conversation_assigned",
            account_id=talk.account_id,
            bot_id=talk.bot_id,
            conversation=talk.id,
            name=wanted.name,
        )
    return talk


def take_over(platform: Platform, caller: Principal, conversation_id: int, minutes: int) -> Conversation:
    """Have the person's flow rest for so many minutes. NotFound."""
    with platform.database.transaction() as session:
        talk = locked_conversation(session, caller, conversation_id)
        talk.taken_over_until = utc_now() + timedelta(minutes=minutes)
        pause_run(session, talk.bot_id, talk.telegram_id, talk.taken_over_until)
        audit(
            session,
            caller,
            "conversation_taken_over",
            account_id=talk.account_id,
            bot_id=talk.bot_id,
            conversation=talk.id,
            minutes=minutes,
        )
    return talk


def release(platform: Platform, caller: Principal, conversation_id: int) -> Conversation:
    """Leave the person to their flow again. NotFound."""
    with platform.database.transaction() as session:
        talk = locked_conversation(session, caller, conversation_id)
        talk.taken_over_until = None
        release_run(session, talk.bot_id, talk.telegram_id)
        audit(
            session,
            caller,
            "conversation_released",
            account_id=talk.account_id,
            bot_id=talk.bot_id,
            conversation=talk.id,
        )
    return talk


def mark_done(platform: Platform, caller: Principal, conversation_id: int) -> Conversation:
    """Nobody waits any more, though nobody answered. NotFound."""
    with platform.database.transaction() as session:
        talk = locked_conversation(session, caller, conversation_id)
        talk.unanswered_since = None
        talk.revision += 1
        audit(
            session,
            caller,
            "conversation_done",
            account_id=talk.account_id,
            bot_id=talk.bot_id,
            conversation=talk.id,
        )
    return talk


def keep_messages(platform: Platform, caller: Principal, bot_id: int | str, keeps: bool) -> Bot:
    """Have a bot keep messages from now on, or no more; what is kept stays until its time. NotFound."""
    with platform.database.transaction() as session:
        bot = locked(session, caller, bot_id)
        bot.keeps_messages = keeps
        bot.config_version += 1
        audit(
            session,
            caller,
            "bot_keeps_messages",
            account_id=bot.account_id,
            bot_id=bot.id,
            keeps_messages=keeps,
        )
    bot_changed(platform, bot.id)
    return bot
