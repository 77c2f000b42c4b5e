"""The one word for how a bot fares, wherever bots are listed: that of its members where they are in trouble."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, BotStatus, MemberStatus, PoolBot
from services.alerts.notifications.senders import lost_bots
from services.fleet.health.delivery import REJECTED
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

TROUBLE: Final = (MemberStatus.BANNED, MemberStatus.OFFLINE, MemberStatus.SUSPECT, MemberStatus.DEGRADED)


class ConditionView(TypedDict):
    """`state` is a member's status or the bot's own; `cause` a stable word for why, where one is known."""

    state: str
    cause: str


class Described(Protocol):
    """A bot, or a row with these columns of one."""

    @property
    def id(self) -> int: ...
    @property
    def desired_running(self) -> bool: ...
    @property
    def status(self) -> str: ...
    @property
    def status_cause(self) -> str: ...


def conditions_of(session: Session, bots: Collection[Described]) -> dict[int, ConditionView]:
    """The condition of each bot by id, of the pool where it fares worst; one query."""
    query = select(PoolBot.bot_id, PoolBot.status, PoolBot.status_cause).where(
        PoolBot.bot_id.in_([bot.id for bot in bots]), PoolBot.status.in_(TROUBLE)
    )
    worst: dict[int, ConditionView] = {}
    for bot_id, status, cause in session.execute(query):
        known = worst.get(bot_id)
        if known is None or TROUBLE.index(status) < TROUBLE.index(MemberStatus(known["state"])):
            worst[bot_id] = {"state": status, "cause": cause}
    return {bot.id: _condition(bot, worst.get(bot.id)) for bot in bots}


class DownView(TypedDict):
    """A bot that nobody can be sent to."""

    bot_id: int
    username: str
    state: str


def down_bots(platform: Platform, caller: Principal) -> list[DownView]:
    """The caller's bots that are lost or failed, for the title of a tab."""
    with platform.database.reading() as session:
        lost = lost_bots(session, caller.account_id)
        bots = session.scalars(select(Bot).where(Bot.id.in_(lost)).order_by(Bot.id)).all() if lost else []
        states = conditions_of(session, bots)
        return [
            {"bot_id": bot.id, "username": bot.username, "state": states[bot.id]["state"]} for bot in bots
        ]


def _condition(bot: Described, member: ConditionView | None) -> ConditionView:
    if member is not None and (bot.desired_running or member["state"] in TROUBLE[:2]):
        return member
    if bot.status == BotStatus.FAILED and bot.status_cause in REJECTED:
        return {
            "state": MemberStatus.OFFLINE,
            "cause": bot.status_cause,
        }  # in no pool: nobody else has looked
    return {"state": bot.status, "cause": bot.status_cause}
