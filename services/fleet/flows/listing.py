"""The account's flows for their list: each with the bots that play it and the people inside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Bot, BotPlugin, Flow, FlowRun, RunStatus
from services.fleet.flows.users import FIELD, PLUGIN
from services.fleet.flows.views import FlowView, list_views
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform


class ListedFlow(FlowView):
    """A flow with its bots' names, and how many people stand at one of its steps now."""

    usernames: list[str]
    people: int


def listed_flows(platform: Platform, caller: Principal) -> list[ListedFlow]:
    """The caller's flows, oldest first; the first 200."""
    found = list_views(platform, caller)
    with platform.database.reading() as session:
        names, people = _usernames(session, caller.account_id), _people(session, caller.account_id)
    return [
        {**flow, "usernames": names.get(flow["key"], []), "people": people.get(flow["id"], 0)}
        for flow in found
    ]


def _usernames(session: Session, account_id: int) -> Mapping[str, list[str]]:
    key = BotPlugin.config[FIELD].as_string()
    query = (
        select(key, Bot.username)
        .join(Bot, Bot.id == BotPlugin.bot_id)
        .where(Bot.account_id == account_id, BotPlugin.name == PLUGIN)
        .order_by(Bot.id)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for flow, username in session.execute(query):
        found[flow].append(username)
    return found


def _people(session: Session, account_id: int) -> Mapping[int, int]:
    query = (
        select(FlowRun.flow_id, func.count())
        .join(Flow, Flow.id == FlowRun.flow_id)
        .where(Flow.account_id == account_id, FlowRun.status != RunStatus.ENDED)
        .group_by(FlowRun.flow_id)
    )
    return {int(row[0]): int(row[1]) for row in session.execute(query)}
