"""Which bots play a flow: all bots of its account, and choosing those that do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from typing_extensions import TypedDict

from models import Bot, Flow, PoolBot
from services.core.answer_types import Sentence
from services.core.errors import Conflict, FlotillaError, NotFound
from services.core.outcomes import Outcome
from services.fleet.bots.declaration import refuse_declared
from services.fleet.bots.registry import locked_each
from services.fleet.bots.signals import bot_changed
from services.fleet.configuration.document import Behaviour, Plugin, behaviour_of
from services.fleet.configuration.writing import checked, write_behaviour
from services.fleet.flows.users import FIELD, PLUGIN
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform


class FlowBotView(TypedDict):
    """A bot and the flow that it plays: `plays` this one, `other_flow` the key of another one, else "".

    `code` and `detail` say why its flow is not chosen here, else they are null; `pool_ids` are the pools it is in.
    """

    bot_id: int
    username: str
    plays: bool
    other_flow: str
    pool_ids: list[int]
    code: str | None
    detail: Sentence | None


def flow_bots(platform: Platform, caller: Principal, flow_id: int) -> list[FlowBotView]:
    """All bots of the flow's account in order of their ids, the manager bot left out; NotFound for somebody else's flow."""
    with looking(platform, caller) as session:
        flow = get_owned(session, caller, Flow, flow_id)
        return _views(session, flow)


def choose_bots(
    platform: Platform, caller: Principal, flow_id: int, bot_ids: Sequence[int]
) -> list[FlowBotView]:
    """Have these bots of the flow's account play it, and no others: /start begins it from the next message on.

    A bot that begins asks the plugin `flow` before its other plugins, and leaves the flow that it played. One that
    stops loses the plugin; who stands in the flow there stays where they are, until it plays again. In one transaction:
    all or nothing. Raises NotFound for a flow or bot that is not the caller's, and Conflict as `refuse_declared` does for
    a bot whose behaviour a file or a pool decides on.
    """
    with platform.database.transaction() as session:
        flow = get_owned(session, caller, Flow, flow_id)
        present = {each["bot_id"] for each in _views(session, flow) if each["plays"]}
        changed = present.symmetric_difference(bot_ids)
        bots = [_refusing(one, flow) for one in locked_each(session, caller, sorted(changed))]
        for bot in bots:
            _write(session, bot, flow, plays=bot.id in set(bot_ids))
        if bots:
            changed_names = [bot.username for bot in bots]
            facts: dict[str, Any] = {"flow_id": flow.id, "flow": flow.key, "changed": changed_names}
            audit(session, caller, "flow_bots_chosen", account_id=flow.account_id, **facts)
        session.flush()
        views = _views(session, flow)
    bot_changed(platform, *(bot.id for bot in bots))
    return views


def _write(session: Session, bot: Bot, flow: Flow, *, plays: bool) -> None:
    behaviour = behaviour_of(bot)
    others = [each for each in behaviour.plugins if each.name != PLUGIN]
    # First of all plugins: the welcome of a new bot would answer /start before it.
    first = [Plugin(name=PLUGIN, config={FIELD: flow.key})] if plays else []
    write_behaviour(session, bot, _checked(behaviour, [*first, *others]))


def _checked(behaviour: Behaviour, plugins: list[Plugin]) -> Behaviour:
    return checked(behaviour.model_copy(update={"plugins": plugins}))


def _refusing(one: Outcome[Bot], flow: Flow) -> Bot:
    if isinstance(one, FlotillaError):
        raise one
    if one.account_id != flow.account_id:  # of two accounts that an admin may both look into
        raise NotFound("There is no such bot", code="bot_not_found")
    refuse_declared(one)
    return one


def _views(session: Session, flow: Flow) -> list[FlowBotView]:
    query = select(Bot).where(Bot.account_id == flow.account_id, Bot.is_manager.is_(False))
    at_once = (selectinload(Bot.plugins), selectinload(Bot.followed))
    bots = session.scalars(query.order_by(Bot.id).options(*at_once)).all()
    pools = _pools(session, flow.account_id)
    return [_view(bot, flow, pools.get(bot.id, [])) for bot in bots]


def _pools(session: Session, account_id: int) -> dict[int, list[int]]:
    query = select(PoolBot.bot_id, PoolBot.pool_id).join(Bot, Bot.id == PoolBot.bot_id)
    found: dict[int, list[int]] = {}
    for bot_id, pool_id in session.execute(
        query.where(Bot.account_id == account_id).order_by(PoolBot.pool_id)
    ):
        found.setdefault(bot_id, []).append(pool_id)
    return found


def _view(bot: Bot, flow: Flow, pool_ids: list[int]) -> FlowBotView:
    played = (each for each in bot.plugins if each.name == PLUGIN and each.enabled)
    key = next((str(each.config.get(FIELD, "")) for each in played), "")
    view: FlowBotView = {
        "bot_id": bot.id,
        "username": bot.username,
        "plays": key == flow.key,
        "other_flow": "" if key == flow.key else key,
        "pool_ids": pool_ids,
        "code": None,
        "detail": None,
    }
    try:
        refuse_declared(bot)
    except Conflict as refusal:
        view["code"], view["detail"] = refusal.code, refusal.text
    return view
