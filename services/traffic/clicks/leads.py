"""The people whom a bot knows: their rows, and whether they can be written to."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, and_, func, or_, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import Bot, Lead
from services.core.storable import storable
from services.platform.database import insert_of

ACTIVE: Final = "active"
BLOCKED: Final = "blocked"
UNREACHABLE: Final = "unreachable"  # never stored: they have met a former identity of the bot only


class TelegramUser(Protocol):
    """A user as Telegram describes one; the Bot API library's type has this shape, and so have tests' values."""

    @property
    def id(self) -> int: ...
    @property
    def first_name(self) -> str | None: ...
    @property
    def last_name(self) -> str | None: ...
    @property
    def username(self) -> str | None: ...
    @property
    def language_code(self) -> str | None: ...


def touch_lead(session: Session, *, bot: Bot, user: TelegramUser, at: datetime) -> int:
    """Note that `user` wrote to `bot` at `at`: makes the lead or refreshes its names; the lead's id."""
    statement = _insert(session, bot, user, at, ACTIVE)
    later = func.max if session.get_bind().dialect.name == "sqlite" else func.greatest
    statement = statement.on_conflict_do_update(
        index_elements=["bot_id", "telegram_id"],
        set_={
            **_names(user),
            "state": ACTIVE,  # whoever writes has not blocked the bot
            "identity": bot.identity,
            "last_interaction": later(Lead.last_interaction, statement.excluded.last_interaction),
        },
    )
    lead_id: int = session.scalars(statement.returning(Lead.id)).one()
    return lead_id


def block_lead(session: Session, *, bot: Bot, user: TelegramUser, at: datetime) -> None:
    """Note that `user` blocked `bot`; somebody unknown, who wrote before we served the bot, becomes a lead by it."""
    statement = _insert(session, bot, user, at, BLOCKED)
    changes = {**_names(user), "state": BLOCKED, "identity": bot.identity}
    session.execute(statement.on_conflict_do_update(index_elements=["bot_id", "telegram_id"], set_=changes))


def welcome_back(session: Session, bot: Bot, telegram_id: int) -> None:
    """Somebody has unblocked `bot`, as it is now; of a stranger nothing is kept."""
    session.execute(
        update(Lead)
        .where(Lead.bot_id == bot.id, Lead.telegram_id == telegram_id)
        .where(or_(Lead.state != ACTIVE, Lead.identity != bot.identity))
        .values(state=ACTIVE, identity=bot.identity)
        .execution_options(synchronize_session=False)
    )


def is_reachable(identity: int | InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """The condition of leads that a bot of this `identity` can write to."""
    return and_(Lead.state == ACTIVE, Lead.identity == identity)


def present_state(lead: Lead, identity: int) -> str:
    """The lead's state for a bot that has this `identity` now: `unreachable` until they turn to it."""
    return lead.state if lead.identity == identity else UNREACHABLE


def set_lead_state(session: Session, bot_id: int, telegram_id: int, state: str) -> None:
    """What is known of whether somebody can be written to; of a stranger nothing is kept."""
    session.execute(
        update(Lead)
        .where(Lead.bot_id == bot_id, Lead.telegram_id == telegram_id, Lead.state != state)
        .values(state=state)
        .execution_options(synchronize_session=False)
    )


def _names(user: TelegramUser) -> dict[str, str]:
    return {
        "first_name": storable(str(user.first_name or ""))[:64],
        "last_name": storable(str(user.last_name or ""))[:64],
        "username": storable(str(user.username or ""))[:32],
        "language": storable(str(user.language_code or ""))[:16],
    }


def _insert(session: Session, bot: Bot, user: TelegramUser, at: datetime, state: str) -> Any:
    return insert_of(session, Lead).values(
        account_id=bot.account_id,
        bot_id=bot.id,
        telegram_id=user.id,
        state=state,
        identity=bot.identity,
        tags=[],
        first_interaction=at,
        last_interaction=at,
        **_names(user),
    )
