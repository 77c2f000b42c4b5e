"""Making, changing and deleting broadcasts. Each use case is one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Bot, Broadcast, BroadcastKind, BroadcastStatus, RedirectPool
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.i18n import Text
from services.messaging.broadcasts.checks import checked_message
from services.messaging.broadcasts.content_checks import check_content
from services.messaging.broadcasts.contents import has_step
from services.messaging.broadcasts.fields import BroadcastChange, ChangeOfSent, NewBroadcast
from services.messaging.broadcasts.moving import ENDS
from services.messaging.broadcasts.removal import delete_ledger
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.accounts.quotas import lock_account
from services.platform.platform import Platform

MOST_OPEN: Final = 200  # drafts and broadcasts under way of an account
MOST_OF_SERIES: Final = 50


def create_broadcast(platform: Platform, caller: Principal, wanted: NewBroadcast) -> Broadcast:
    """A draft. Raises InvalidInput for what can't be sent, NotFound for a bot or pool of somebody else, Conflict."""
    with platform.database.transaction() as session:
        _make_room(session, caller.account_id)
        broadcast = Broadcast(account_id=caller.account_id, name=wanted.name)
        _take(session, caller, broadcast, {**wanted.model_dump(mode="json"), "quiet": wanted.quiet})
        check_content(session, platform.settings, broadcast)
        session.add(broadcast)
        session.flush()
        audit(session, caller, "broadcast_created", **facts(broadcast))
    return broadcast


def update_broadcast(
    platform: Platform, caller: Principal, broadcast_id: int, change: BroadcastChange
) -> Broadcast:
    """Change a draft. Raises as `create_broadcast` does, and Conflict `broadcast_started` once it is no draft any more."""
    given = change.model_dump(mode="json", exclude_unset=True)
    if "quiet" in given:
        given["quiet"] = change.quiet
    with platform.database.transaction() as session:
        broadcast = locked(session, caller, broadcast_id)
        if broadcast.status != BroadcastStatus.DRAFT:
            raise Conflict(
                "Only a draft can be changed; take a scheduled broadcast back first", code="broadcast_started"
            )
        _take(session, caller, broadcast, given)
        check_content(session, platform.settings, broadcast)
        audit(session, caller, "broadcast_updated", **facts(broadcast))
    return broadcast


def change_sent(platform: Platform, caller: Principal, broadcast_id: int, wanted: ChangeOfSent) -> Broadcast:
    """A second pass over the ledger, ready to be started: edits what was sent, or deletes it. Telegram allows 48 hours.

    Raises Conflict while the first one is under way, or where nothing was sent; InvalidInput.
    """
    with platform.database.transaction() as session:
        first = locked(session, caller, broadcast_id)
        if first.status not in ENDS or first.kind != BroadcastKind.SEND or not first.counts.get("sent"):
            raise Conflict(
                "Only what was sent by a broadcast that is over can be changed", code="broadcast_not_over"
            )
        if has_step(first):
            raise Conflict(
                "What a step of a flow said can't be changed or deleted: it belongs to the conversation",
                code="broadcast_of_step",
            )
        _make_room(session, first.account_id)
        variants = first.variants
        if wanted.message is not None:
            checked_message(wanted.message.model_dump(mode="json"), "message")
            variants = [{"name": "A", "percent": 100, "message": wanted.message.model_dump(mode="json")}]
            if wanted.message.kind != first.variants[0]["message"]["kind"]:
                raise InvalidInput("A message stays of its kind", code="broadcast_kind", field="message.kind")
        second = Broadcast(
            account_id=first.account_id,
            parent_id=first.id,
            name=first.name,
            kind=BroadcastKind.DELETE if wanted.message is None else BroadcastKind.EDIT,
            variants=variants,
            has_opt_out=first.has_opt_out,
            per_second=min(first.per_second, 25),
            brake_percent=0,
        )
        session.add(second)
        session.flush()
        audit(session, caller, "broadcast_created", **facts(second))
    return second


def delete_broadcast(platform: Platform, caller: Principal, broadcast_id: int) -> None:
    """Delete a draft, or one that is over, with its ledger. Conflict `broadcast_state` while it is under way."""
    over = (*ENDS, BroadcastStatus.DRAFT)
    if get_broadcast(platform, caller, broadcast_id).status in ENDS:  # it never leaves them
        delete_ledger(platform, broadcast_id)
    with platform.database.transaction() as session:
        broadcast = locked(session, caller, broadcast_id)
        if broadcast.status not in over:
            raise Conflict("Stop this broadcast before you delete it", code="broadcast_state")
        audit(session, caller, "broadcast_deleted", **facts(broadcast))
        session.delete(broadcast)


def list_broadcasts(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = 200, newest: bool = False
) -> list[Broadcast]:
    """The caller's broadcasts with an id above `after`, in order of id; `newest` first where that is wanted."""
    order = Broadcast.id.desc() if newest else Broadcast.id
    query = owned(caller, Broadcast).where(Broadcast.id > after).order_by(order).limit(limit)
    with platform.database.reading() as session:
        return list(session.scalars(query))


def turns_of(platform: Platform, broadcast: Broadcast) -> list[Broadcast]:
    """The turns of a series, or the passes over what a broadcast sent; the newest first."""
    query = select(Broadcast).where(Broadcast.parent_id == broadcast.id).order_by(Broadcast.id.desc())
    with platform.database.reading() as session:
        return list(session.scalars(query.limit(MOST_OF_SERIES)))


def get_broadcast(platform: Platform, caller: Principal, broadcast_id: int) -> Broadcast:
    """One broadcast of the caller's; NotFound for anybody else's."""
    with looking(platform, caller) as session:
        return get_owned(session, caller, Broadcast, broadcast_id)


def locked(session: Session, caller: Principal, broadcast_id: int) -> Broadcast:
    """The same, locked in the caller's transaction."""
    found = get_owned(session, caller, Broadcast, broadcast_id)
    session.refresh(found, with_for_update=True)
    return found


def facts(broadcast: Broadcast) -> dict[str, Any]:
    """What the audit trail keeps of a broadcast."""
    return {"account_id": broadcast.account_id, "broadcast": broadcast.id, "name": broadcast.name}


def _take(session: Session, caller: Principal, broadcast: Broadcast, given: dict[str, Any]) -> None:
    quiet = given.pop("quiet", None)
    if quiet is not None:
        broadcast.quiet_from, broadcast.quiet_until = quiet.begin, quiet.end
        broadcast.time_zone = quiet.time_zone
    for name, value in given.items():
        setattr(broadcast, name, value)
    broadcast.counts = {}
    audience = broadcast.audience or {}
    if not _are_own(session, broadcast.account_id, Bot, audience.get("bots") or ()):
        raise NotFound("There is no such bot", code="bot_not_found", field="audience")
    if not _are_own(session, broadcast.account_id, RedirectPool, audience.get("pools") or ()):
        raise NotFound("There is no such pool", code="pool_not_found", field="audience")


def _are_own(session: Session, account_id: int, table: Any, ids: Iterable[int]) -> bool:
    wanted = set(ids)
    mine = select(func.count()).select_from(table).where(table.account_id == account_id, table.id.in_(wanted))
    return not wanted or session.scalar(mine) == len(wanted)


def _make_room(session: Session, account_id: int) -> None:
    lock_account(session, account_id)
    open_ones = select(func.count()).where(
        Broadcast.account_id == account_id, Broadcast.status.not_in(sorted(ENDS))
    )
    if (session.scalar(open_ones) or 0) >= MOST_OPEN:
        raise Conflict(
            Text("{most} broadcasts are open; delete drafts that you do not need", most=MOST_OPEN),
            code="broadcasts_too_many",
        )
