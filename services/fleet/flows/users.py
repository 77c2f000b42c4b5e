"""Who names a flow: bots by their plugin `flow`, pools by the behaviour they own, other flows by a jump."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from models import Bot, BotPlugin, BotWorker, Broadcast, BroadcastStatus, Flow, FlowVersion, RedirectPool
from plugins.flows.document import FlowDocument
from plugins.flows.parts import ButtonKind, OtherFlow
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.platform.platform import Platform

PLUGIN: Final = "flow"  # the plugin that plays flows; its configuration is {"flow": key}
FIELD: Final = "flow"


class ChosenPlugin(Protocol):
    """A plugin as it is chosen for a bot."""

    @property
    def name(self) -> str: ...
    @property
    def config(self) -> dict[str, Any]: ...


def bots_using(session: Session, account_id: int, key: str) -> Sequence[Bot]:
    """The account's bots with the plugin `flow` on this flow, switched on or off, in order of their ids."""
    query = select(Bot).join(BotPlugin, BotPlugin.bot_id == Bot.id)
    mine = query.where(
        Bot.account_id == account_id,
        BotPlugin.name == PLUGIN,
        BotPlugin.config[FIELD].as_string() == key,
    )
    return session.scalars(mine.order_by(Bot.id)).all()


def plays_flows() -> ColumnElement[bool]:
    """Whether a bot of the query has the plugin `flow` at work: it plays any flow of its account then, whichever /start begins."""
    has_plugin = exists().where(BotPlugin.bot_id == Bot.id, BotPlugin.name == PLUGIN, BotPlugin.enabled)
    by_program = exists().where(BotWorker.bot_id == Bot.id, BotWorker.ending_since.is_(None))
    return has_plugin & ~by_program


def refuse_unknown(session: Session, account_id: int, plugins: Iterable[ChosenPlugin]) -> None:
    """Raise InvalidInput `flow_unknown` where a bot of the account is to play a flow that the account does not have.

    In the transaction that saves the plugins: until its commit nobody deletes the flow.
    """
    wanted = _keys_in(plugins)
    if not wanted:
        return
    mine = select(Flow.key).where(Flow.account_id == account_id, Flow.key.in_(wanted))
    found = set(session.scalars(mine.with_for_update(read=True, key_share=True)))
    for key in wanted:
        if key not in found:
            raise unknown_flow(key)


def unknown_flows(platform: Platform, account_id: int, plugins: Iterable[ChosenPlugin]) -> list[InvalidInput]:
    """What `refuse_unknown` would say, for a form that is being filled in."""
    wanted = _keys_in(plugins)
    if not wanted:
        return []
    with platform.database.reading() as session:
        mine = select(Flow.key).where(Flow.account_id == account_id, Flow.key.in_(wanted))
        found = set(session.scalars(mine))
    return [unknown_flow(key) for key in wanted if key not in found]


def unknown_flow(key: str) -> InvalidInput:
    """The refusal of a key that no flow of the account has."""
    return InvalidInput(
        Text("There is no flow '{flow}'; make it first, or choose another", flow=key),
        code="flow_unknown",
        field=f"{PLUGIN}.{FIELD}",
    )


def refuse_used(session: Session, flow: Flow) -> None:
    """Raise Conflict `flow_in_use` naming who would be left without the flow."""
    names = [f"@{bot.username}" for bot in bots_using(session, flow.account_id, flow.key)]
    names += _pools(session, flow)
    names += _flows(session, flow)
    names += _broadcasts(session, flow)
    if names:
        raise Conflict(
            Text(
                "'{flow}' is in use by {users}; give them another flow first",
                flow=flow.key,
                users=", ".join(names),
            ),
            code="flow_in_use",
        )


def jumps(document: FlowDocument) -> Iterator[str]:
    """The keys of the flows that a document leaves for."""
    for step in document.steps:
        if isinstance(step.then, OtherFlow):
            yield step.then.flow
        yield from (each.flow for each in step.buttons if each.kind is ButtonKind.FLOW and each.flow)


def _keys_in(plugins: Iterable[ChosenPlugin]) -> list[str]:
    keys = (each.config.get(FIELD) for each in plugins if each.name == PLUGIN)
    return [key for key in keys if isinstance(key, str) and key]


def _pools(session: Session, flow: Flow) -> Iterator[str]:
    query = select(RedirectPool.name, RedirectPool.behaviour).where(
        RedirectPool.account_id == flow.account_id, RedirectPool.behaviour.is_not(None)
    )
    return (name for name, behaviour in session.execute(query) if _names(behaviour, flow.key))


def _names(behaviour: dict[str, Any] | None, key: str) -> bool:
    plugins = (behaviour or {}).get("plugins", [])
    return any(each["name"] == PLUGIN and each.get("config", {}).get(FIELD) == key for each in plugins)


def _broadcasts(session: Session, flow: Flow) -> Iterator[str]:
    """Those that are not over yet and put people at one of its steps."""
    over = (BroadcastStatus.DONE, BroadcastStatus.STOPPED)
    query = select(Broadcast.name, Broadcast.variants).where(
        Broadcast.account_id == flow.account_id, Broadcast.status.not_in(over)
    )
    for name, variants in session.execute(query):
        if any((each.get("step") or {}).get("flow") == flow.key for each in variants):
            yield name


def _flows(session: Session, flow: Flow) -> Iterator[str]:
    query = (
        select(Flow.key, FlowVersion.document)
        .join(FlowVersion, (FlowVersion.flow_id == Flow.id) & (FlowVersion.number == Flow.published))
        .where(Flow.account_id == flow.account_id, Flow.id != flow.id)
    )
    for key, stored in session.execute(query):
        if flow.key in jumps(FlowDocument.model_validate(stored)):
            yield key
