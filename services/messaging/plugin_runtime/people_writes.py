"""What handlers want written of people: tags and goals, in the transaction of their updates' outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, GoalSource
from services.core.times import utc_now
from services.messaging.plugin_runtime.lead_tags import change_tags, lock_people
from services.messaging.plugin_runtime.work import Work
from services.traffic.goals.recording import GoalReached, record_goals

FLOW: Final = "flow"  # the plugin that plays flows


def write_people(session: Session, works: Sequence[Work]) -> None:
    """Write the tags and goals of these handlings, in their order. StoreError when somebody has too many tags."""
    named = [(work, person) for work in works for person in {*_tagged(work), *(one for one, _ in work.goals)}]
    if not named:
        return
    people = lock_people(session, {(work.bot_id, person) for work, person in named})
    changes = [(work.bot_id, *tagged, is_on) for work in works for tagged, is_on in work.tags.items()]
    change_tags(session, changes, people)
    record_goals(session, _goals(session, works))


def _tagged(work: Work) -> set[int]:
    return {person for person, _ in work.tags}


def _goals(session: Session, works: Sequence[Work]) -> list[GoalReached]:
    """What was reached, named by bot, update and goal, so that a second handling of an update adds nothing."""
    bots = {work.bot_id for work in works if work.goals}
    if not bots:
        return []
    owners = {bot.id: bot for bot in session.scalars(select(Bot).where(Bot.id.in_(bots)))}
    return [
        GoalReached(
            account_id=owners[work.bot_id].account_id,
            bot_id=work.bot_id,
            telegram_id=person,
            goal=wish.goal,
            event_id=_event_id(owners[work.bot_id], work.update_id, wish.goal),
            source=GoalSource.FLOW if wish.plugin == FLOW else GoalSource.PLUGIN,
            at=utc_now(),
            amount_micros=wish.amount_micros,
            currency=wish.currency,
        )
        for work in works
        if work.bot_id in owners
        for person, wish in sorted(work.goals, key=lambda reached: (reached[0], reached[1].goal))
    ]


def _event_id(bot: Bot, update_id: int, goal: str) -> str:
    """Telegram numbers the updates of each of a bot's identities by itself."""
    identity = "" if bot.identity == 1 else f".{bot.identity}"
    return f"{bot.id}{identity}:{update_id}:{goal}"
