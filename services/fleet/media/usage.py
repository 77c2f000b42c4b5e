"""Who uses a file of the library: steps of flows, broadcasts that are not over, and plugins of bots and pools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, BotPlugin, Broadcast, BroadcastStatus, Flow, FlowRun, FlowVersion, RunStatus

OVER: Final = (BroadcastStatus.DONE, BroadcastStatus.STOPPED)
FIELD: Final = "media"  # of a message: an address, or the number of a file
MARKER: Final = "media_id"  # in a plugin's configuration


class UseView(TypedDict):
    """Something that uses a file. `kind` is flow, broadcast or plugin, `id` its number (of a plugin its bot's), `name` for people;
    `step` is a flow's, and `version` null for its draft."""

    kind: str
    id: int
    name: str
    step: str | None
    version: int | None


def uses(session: Session, account_id: int) -> dict[int, list[UseView]]:
    """What uses each file of the account, by the file's number; files that nothing uses are left out."""
    found: dict[int, list[UseView]] = defaultdict(list)
    for media_id, use in (
        *_flows(session, account_id),
        *_broadcasts(session, account_id),
        *_plugins(session, account_id),
    ):
        if use not in found[media_id]:
            found[media_id].append(use)
    return dict(found)


def media_in(value: Any, field: str = FIELD) -> Iterator[int]:
    """The numbers that stand in `field` anywhere within a JSON value."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == field and isinstance(inner, int) and not isinstance(inner, bool):
                yield inner
            else:
                yield from media_in(inner, field)
    elif isinstance(value, list):
        for inner in value:
            yield from media_in(inner, field)


def _flows(session: Session, account_id: int) -> Iterator[tuple[int, UseView]]:
    """Of the draft, of the version in force, and of each in which somebody still stands: old buttons lead there."""
    for flow in session.scalars(select(Flow).where(Flow.account_id == account_id).order_by(Flow.id)):
        yield from _steps(flow.id, flow.name, flow.draft, None)
    goes_on = FlowRun.status != RunStatus.ENDED  # who blocked the bot may come back
    stood_in = exists().where(
        FlowRun.flow_id == FlowVersion.flow_id, FlowRun.version == FlowVersion.number, goes_on
    )
    in_force = and_(Flow.id == FlowVersion.flow_id, Flow.account_id == account_id)
    query = select(Flow.id, Flow.name, FlowVersion.document, FlowVersion.number).join(Flow, in_force)
    live = query.where(or_(FlowVersion.number == Flow.published, stood_in))
    for flow_id, name, document, number in session.execute(live.order_by(Flow.id, FlowVersion.number)):
        yield from _steps(flow_id, name, document, number)


def _steps(
    flow_id: int, name: str, document: Mapping[str, Any], version: int | None
) -> Iterator[tuple[int, UseView]]:
    steps = document.get("steps")
    for step in steps if isinstance(steps, list) else []:
        key = str(step.get("key") or "") if isinstance(step, Mapping) else ""
        for media_id in media_in(step):
            yield media_id, {"kind": "flow", "id": flow_id, "name": name, "step": key, "version": version}


def _broadcasts(session: Session, account_id: int) -> Iterator[tuple[int, UseView]]:
    query = select(Broadcast.id, Broadcast.name, Broadcast.variants).where(
        Broadcast.account_id == account_id, Broadcast.status.not_in([str(each) for each in OVER])
    )
    for broadcast_id, name, variants in session.execute(query.order_by(Broadcast.id)):
        for media_id in media_in(variants):
            yield (
                media_id,
                {"kind": "broadcast", "id": broadcast_id, "name": name, "step": None, "version": None},
            )


def _plugins(session: Session, account_id: int) -> Iterator[tuple[int, UseView]]:
    """Menus and plugins of one's own name a file as {"media_id": 12} in their configuration."""
    query = select(Bot.id, Bot.username, BotPlugin.config).join(BotPlugin, BotPlugin.bot_id == Bot.id)
    for bot_id, username, config in session.execute(
        query.where(Bot.account_id == account_id).order_by(Bot.id)
    ):
        for media_id in media_in(config, MARKER):
            yield (
                media_id,
                {"kind": "plugin", "id": bot_id, "name": f"@{username}", "step": None, "version": None},
            )
