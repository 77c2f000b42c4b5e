"""The behaviour of one bot for others: what it would change is shown first, then it is written to all of them together."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from typing_extensions import TypedDict

from models import Bot, PoolBot, RedirectPool
from services.core.answer_types import Sentence
from services.core.errors import Conflict, FlotillaError, InvalidInput, NotFound
from services.core.outcomes import Outcome
from services.fleet.bots.declaration import refuse_declared
from services.fleet.bots.registry import get_bot, locked_each, register_bot, with_plugins
from services.fleet.bots.signals import bot_changed
from services.fleet.configuration.document import Behaviour, behaviour_of
from services.fleet.configuration.writing import (
    MOST_PATHS,
    ValueChange,
    as_json,
    changes,
    checked,
    write_behaviour,
    write_behaviours,
)
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform

BotId = int | str


class BotChangesView(TypedDict):
    """What becomes of one bot. `code` and `detail` say why it is left as it is, else they are null."""

    bot_id: int
    username: str
    changes: list[ValueChange]
    code: str | None
    detail: Sentence | None


class SharingPlan(TypedDict):
    """What becomes of all. `plan` is the digest of it, by which it is carried out; `applied`: it was."""

    items: list[BotChangesView]
    plan: str
    applied: bool


class BotNameView(TypedDict):
    """Which bot it is."""

    bot_id: int
    username: str


class DriftView(TypedDict):
    """How the bots of a pool differ from `like`, which is null in an empty pool; `same` are the others that do what it does."""

    like: BotNameView | None
    same: list[BotNameView]
    different: list[BotChangesView]


def register_like(
    platform: Platform,
    caller: Principal,
    token: str,
    like: BotId,
    *,
    mode: str | None = None,
    tags: Sequence[str] = (),
) -> Bot:
    """As `register_bot`, with the behaviour of a bot that the caller's account has already. Also raises NotFound."""
    model = get_bot(platform, caller, like)
    if model.account_id != caller.account_id:  # an admin's look at somebody else's
        raise NotFound("There is no such bot", code="bot_not_found", field="like")
    behaviour = checked(behaviour_of(model))

    def also(session: Session, bot: Bot) -> None:
        write_behaviour(session, bot, behaviour)

    return register_bot(platform, caller, token, mode=mode, plugins=(), tags=tags, also=also)


def apply_behaviour(
    platform: Platform,
    caller: Principal,
    bot_id: BotId,
    *,
    bot_ids: Sequence[BotId] = (),
    pool_id: int | None = None,
    if_plan: str | None,
) -> SharingPlan:
    """What giving a bot's behaviour to others, or to all of a pool, changes; given to them where `if_plan` is that plan.

    One transaction for all. A bot that cannot take it is named with the reason and keeps no other back. Raises NotFound
    (the bot, the pool, or a bot named that is not of the same account), InvalidInput where a plugin of the bot cannot be
    loaded or both bots and a pool are named or neither, and Conflict `plan_changed`.
    """
    with platform.database.transaction() as session:
        model = with_plugins(get_owned(session, caller, Bot, bot_id))
        if (pool_id is None) == (not bot_ids):
            raise InvalidInput("Name bots, or a pool, and not both", code="bots_or_pool", field="bot_ids")
        behaviour = checked(behaviour_of(model))
        asked = bot_ids if pool_id is None else _members(session, caller, model, pool_id)
        targets = _targets(session, caller, model, asked)
        items = [_planned(bot, behaviour) for bot in targets]
        plan = _digest(items)
        to_change = [
            (bot, item)
            for bot, item in zip(targets, items, strict=True)
            if item["changes"] and not item["code"]
        ]
        if if_plan is not None and if_plan != plan:
            raise Conflict("Something changed since these changes were shown", code="plan_changed")
        if if_plan is None or not to_change:
            return {"items": items, "plan": plan, "applied": False}
        write_behaviours(session, [bot for bot, _ in to_change], behaviour)
        for bot, item in to_change:
            _note(session, caller, bot, item["changes"], like=model.id)
    bot_changed(platform, *(bot.id for bot, _ in to_change))
    return {"items": items, "plan": plan, "applied": True}


def behaviour_drift(
    platform: Platform, caller: Principal, pool_id: int, *, like: BotId | None = None
) -> DriftView:
    """Which bots of a pool do something else than the bot `like`, or than most of them do.

    Raises NotFound for a foreign pool, or where `like` is no member.
    """
    with looking(platform, caller) as session:
        pool = get_owned(session, caller, RedirectPool, pool_id)
        members = select(PoolBot.bot_id).where(PoolBot.pool_id == pool.id)
        query = select(Bot).where(Bot.id.in_(members)).order_by(Bot.id).options(selectinload(Bot.plugins))
        bots = list(session.scalars(query))
        behaviours = {bot.id: behaviour_of(bot) for bot in bots}
    if not bots:
        return {"like": None, "same": [], "different": []}
    model = _usual(bots, behaviours) if like is None else _named(bots, like)
    looked = [(bot, _changes(behaviours[bot.id], behaviours[model.id])) for bot in bots if bot is not model]
    return {
        "like": _name(model),
        "same": [_name(bot) for bot, different in looked if not different],
        "different": [_view(bot, different) for bot, different in looked if different],
    }


def _members(session: Session, caller: Principal, model: Bot, pool_id: int) -> list[BotId]:
    """The bots of a pool of the same account, but for the bot itself."""
    pool = get_owned(session, caller, RedirectPool, pool_id)
    if pool.account_id != model.account_id:
        raise NotFound("There is no such pool", code="pool_not_found")
    query = select(PoolBot.bot_id).where(PoolBot.pool_id == pool.id, PoolBot.bot_id != model.id)
    return list(session.scalars(query.order_by(PoolBot.bot_id)))


def _targets(session: Session, caller: Principal, model: Bot, asked: Sequence[BotId]) -> list[Bot]:
    """The bots that were asked for, locked, each once."""
    found = [_found(model, one) for one in locked_each(session, caller, asked)]
    return list({bot.id: bot for bot in found if bot.id != model.id}.values())


def _found(model: Bot, one: Outcome[Bot]) -> Bot:
    if isinstance(one, FlotillaError):
        raise one
    if one.account_id != model.account_id:  # of two accounts that an admin may both look into
        raise NotFound("There is no such bot", code="bot_not_found")
    return one


def _planned(bot: Bot, behaviour: Behaviour) -> BotChangesView:
    view = _view(bot, _changes(behaviour_of(bot), behaviour))
    try:
        refuse_declared(bot)
    except Conflict as refusal:
        view["code"], view["detail"] = refusal.code, refusal.text
    return view


def _changes(old: Behaviour, new: Behaviour) -> list[ValueChange]:
    return as_json(changes(old, new))


def _view(bot: Bot, different: list[ValueChange]) -> BotChangesView:
    return {**_name(bot), "changes": different, "code": None, "detail": None}


def _name(bot: Bot) -> BotNameView:
    return {"bot_id": bot.id, "username": bot.username}


def _usual(bots: Iterable[Bot], behaviours: dict[int, Behaviour]) -> Bot:
    """The oldest bot of those, the most, that do the same."""
    groups = defaultdict[str, list[Bot]](list)
    for bot in bots:
        groups[behaviours[bot.id].model_dump_json()].append(bot)
    return max(groups.values(), key=len)[0]


def _named(bots: Iterable[Bot], like: BotId) -> Bot:
    for bot in bots:
        if str(like) in (str(bot.id), bot.public_id):
            return bot
    raise NotFound("This bot is not in the pool", code="bot_not_found", field="like")


def _note(session: Session, caller: Principal, bot: Bot, different: list[ValueChange], *, like: int) -> None:
    paths = [change["path"] for change in different][:MOST_PATHS]
    facts = {"account_id": bot.account_id, "bot_id": bot.id}
    audit(session, caller, "bot_behaviour_applied", **facts, like=like, changed=paths)


def _digest(items: list[BotChangesView]) -> str:
    said = [(item["bot_id"], item["changes"], item["code"]) for item in items]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]
