"""Switches of the installation: set by an admin for a while, with a reason, and over by themselves.

What a switch does is done by who reads `Switchboard`; here it is turned on and off, written down and told of.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Account, Switch
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.answer_types import Moment, Sentence
from services.core.errors import NotFound
from services.core.i18n import Text
from services.core.times import iso, utc_now
from services.operations.switch_values import MOST_MINUTES, TITLES, checked, in_words
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis.changes import Topic, announce
from services.platform.switchboard import SwitchName, active_rows
from services.reporting.event_texts import actor_text

logger = logging.getLogger(__name__)
DEFAULT_MINUTES: Final = 60


@dataclass(frozen=True)
class NewSwitch:
    """What an admin wants on. `value` None means the usual one; `minutes` is how long, `reason` why."""

    name: SwitchName
    reason: str
    value: Any = None
    minutes: int = DEFAULT_MINUTES


class SwitchView(TypedDict):
    """A switch as admins see it; what stands from `value` on is null while it is off. `most_minutes` bounds how long."""

    name: str
    title: Sentence
    most_minutes: int
    is_on: bool
    value: Any
    in_words: Sentence | None
    reason: str | None
    by: Sentence | None
    set_at: Moment | None
    ends_at: Moment | None


def list_switches(platform: Platform, caller: Principal) -> list[SwitchView]:
    """All switches as the database has them. Forbidden `admin_only`."""
    caller.require_admin()
    with platform.database.reading() as session:
        rows = active_rows(session, utc_now())
        admins = session.execute(select(Account.id, Account.email).where(Account.is_admin))
        emails = {int(number): str(email) for number, email in admins}
    return [_view(name, rows.get(name), emails) for name in SwitchName]


def get_switch(platform: Platform, caller: Principal, name: str) -> SwitchView:
    """One of them. Forbidden `admin_only`, NotFound."""
    wanted = switch_name(name)
    return next(view for view in list_switches(platform, caller) if view["name"] == wanted)


def set_switch(platform: Platform, caller: Principal, wanted: NewSwitch) -> SwitchView:
    """Turn a switch on, or give one that is on another value or end; in force everywhere within seconds.

    Forbidden `admin_only`, InvalidInput.
    """
    caller.require_admin()
    value, reason = checked(wanted.name, wanted.value, wanted.minutes, wanted.reason)
    now = utc_now()
    with platform.database.transaction() as session:
        _end(session, wanted.name, now)
        row = Switch(
            name=str(wanted.name),
            value=value,
            reason=reason,
            set_by=caller.actor,
            set_at=now,
            ends_at=now + timedelta(minutes=wanted.minutes),
        )
        session.add(row)
        session.flush()
        audit(session, caller, "switch_set", switch=str(wanted.name), until=iso(row.ends_at), reason=reason)
        _tell(session, Kind.SWITCH_SET, row)
    _announce(platform)
    return get_switch(platform, caller, wanted.name)


def clear_switch(platform: Platform, caller: Principal, name: str) -> SwitchView:
    """Turn a switch off before its time; of one that is off nothing is said. Forbidden `admin_only`, NotFound."""
    caller.require_admin()
    wanted = switch_name(name)
    with platform.database.transaction() as session:
        for row in _end(session, wanted, utc_now()):
            audit(session, caller, "switch_cleared", switch=str(wanted))
            _tell(session, Kind.SWITCH_ENDED, row)
    _announce(platform)
    return get_switch(platform, caller, wanted)


def tell_of_ends(platform: Platform) -> int:
    """Tell the admins of switches whose time is over; how many. They are over without it. Raises Unavailable."""
    over = select(Switch).where(Switch.is_end_told.is_(False), Switch.ends_at <= utc_now())
    with platform.database.reading() as session:
        if session.scalar(over.limit(1)) is None:
            return 0
    with platform.database.transaction() as session:
        rows = session.scalars(over.with_for_update(skip_locked=True)).all()
        for row in rows:
            row.is_end_told = True
            _tell(session, Kind.SWITCH_ENDED, row)
    return len(rows)


def switch_name(name: str) -> SwitchName:
    """The switch of that name; NotFound."""
    if name not in set(SwitchName):
        raise NotFound(
            Text("There is no such switch; there are {names}", names=", ".join(SwitchName)),
            code="switch_not_found",
        )
    return SwitchName(name)


def _end(session: Session, name: SwitchName, now: datetime) -> Sequence[Switch]:
    """End what is on of that name; of two admins at once the later one finds the other's."""
    session.execute(
        select(Account.id).where(Account.is_admin).order_by(Account.id).with_for_update(key_share=True)
    )
    rows = session.scalars(
        select(Switch).where(Switch.name == str(name), Switch.ends_at > now, Switch.ended_at.is_(None))
    ).all()
    for row in rows:
        row.ended_at, row.is_end_told = now, True
    return rows


def _tell(session: Session, kind: Kind, row: Switch) -> None:
    params = {"switch": row.name, "until": iso(row.ends_at), "reason": row.reason}
    if kind is Kind.SWITCH_ENDED:
        params = {"switch": row.name}
    for account_id in session.scalars(select(Account.id).where(Account.is_admin)).all():
        key = f"{kind}:{account_id}:{row.name}:{row.id}"
        notify(session, account_id, kind, kind.level, key, params, subject=row.name)


def _announce(platform: Platform) -> None:
    """Have every process read the table now; while Redis is away each does so by itself within ten seconds."""
    platform.switches.refresh()
    try:
        announce(platform.redis, Topic.SWITCHES, 0)
    except RedisError as error:
        logger.warning("switches are noticed within seconds, not at once: %s", type(error).__name__)


def _view(name: SwitchName, row: Switch | None, emails: Mapping[int, str]) -> SwitchView:
    view: SwitchView = {
        "name": str(name),
        "title": TITLES[name],
        "most_minutes": MOST_MINUTES[name],
        "is_on": False,
        "value": None,
        "in_words": None,
        "reason": None,
        "by": None,
        "set_at": None,
        "ends_at": None,
    }
    if row is None:
        return view
    return {
        **view,
        "is_on": True,
        "value": row.value,
        "in_words": in_words(name, row.value),
        "reason": row.reason,
        "by": actor_text(row.set_by, emails),
        "set_at": iso(row.set_at),
        "ends_at": iso(row.ends_at),
    }
