"""What one person did and got, over all bots of an account, in one order of time, the latest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, ChatMessage, Click, Flow, FlowVisit, Goal, Lead, RedirectPool, Start
from plugins.goals import decimal_of
from services.core.answer_types import Moment
from services.core.errors import NotFound
from services.core.times import iso
from services.messaging.inbox.texts import opened_text
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.people.places import Place, not_ours, place_of
from services.traffic.clicks.source import campaign_of

MOST_OF_A_MOMENT: Final = 10_000  # entries that a cursor may pass over, as they are all read again


@dataclass(frozen=True)
class Happening:
    """Something of one moment; `number` and `kind` put those of one moment in order."""

    at: datetime
    kind: str
    number: str
    bot_id: int | None
    details: dict[str, Any] = field(compare=False, default_factory=dict)

    @property
    def rank(self) -> tuple[datetime, str, str]:
        """Its place in the order."""
        return self.at, self.kind, self.number


class HappeningView(TypedDict):
    """A message, a click, a start, a step of a flow or a goal that was reached; `details` hang on `kind`."""

    at: Moment
    kind: str
    bot_id: int | None
    bot: str
    details: dict[str, Any]


def timeline(
    platform: Platform, caller: Principal, telegram_id: int, *, cursor: str = "", limit: int = 50
) -> tuple[list[HappeningView], str | None]:
    """At most `limit` entries of somebody whom the caller's bots know, and the cursor of the page behind.

    A cursor is the last moment that was shown and how many of its entries were. Raises NotFound for a stranger.
    """
    place = place_of(cursor)
    if place is not None and place.number > MOST_OF_A_MOMENT:
        raise not_ours()
    with platform.database.reading() as session:
        person = _Person(platform, session, caller.account_id, telegram_id)
        if not person.leads:
            raise NotFound("None of your bots knows this person", code="person_not_found")
        most = limit + 1 + (place.number if place else 0)
        found = sorted(person.all(place, most), key=lambda each: each.rank, reverse=True)
        names = person.bots
    rest = found[_shown_before(found, place) :]
    shown = rest[:limit]
    following = _cursor(shown, place) if len(rest) > limit else None
    return [_view(each, names) for each in shown], following


def _shown_before(found: Sequence[Happening], place: Place | None) -> int:
    if place is None:
        return 0
    return min(place.number, sum(each.at == place.at for each in found))


def _cursor(shown: Sequence[Happening], place: Place | None) -> str:
    last = shown[-1].at
    number = sum(each.at == last for each in shown)
    if place is not None and place.at == last:
        number += place.number
    return Place(last, number).cursor


def _view(each: Happening, names: dict[int, str]) -> HappeningView:
    return {
        "at": iso(each.at),
        "kind": each.kind,
        "bot_id": each.bot_id,
        "bot": names.get(each.bot_id or 0, ""),
        "details": each.details,
    }


class _Person:
    """Somebody's rows in one account."""

    def __init__(self, platform: Platform, session: Session, account_id: int, telegram_id: int) -> None:
        self._vault = platform.vault
        self._session = session
        self._account_id = account_id
        self._telegram_id = telegram_id
        rows = session.execute(
            select(Lead.id, Bot.id, Bot.username)
            .join(Bot, Bot.id == Lead.bot_id)
            .where(Lead.account_id == account_id, Lead.telegram_id == telegram_id)
        ).all()
        self.leads = [row[0] for row in rows]
        self.bots: dict[int, str] = {row[1]: row[2] for row in rows}

    def all(self, place: Place | None, most: int) -> Iterator[Happening]:
        """The newest `most` of each kind, none younger than the place."""
        sources = (
            (self._messages, ChatMessage.at),
            (self._clicks, Click.at),
            (self._starts, Start.at),
            (self._steps, FlowVisit.last_at),
            (self._goals, Goal.at),
        )
        for source, at in sources:
            until = () if place is None else (at <= place.at,)
            yield from source(until, most)

    def _messages(self, until: Any, most: int) -> Iterator[Happening]:
        query = select(ChatMessage).where(
            ChatMessage.bot_id.in_(self.bots), ChatMessage.telegram_id == self._telegram_id, *until
        )
        ordered = query.order_by(ChatMessage.at.desc(), ChatMessage.id.desc()).limit(most)
        for row in self._session.scalars(ordered):
            details = {
                "direction": row.direction,
                "kind": row.kind,
                "text": opened_text(self._vault, row),
                "status": row.status,
                "by": row.by,
            }
            yield Happening(row.at, "message", f"{row.id:020}", row.bot_id, details)

    def _clicks(self, until: Any, most: int) -> Iterator[Happening]:
        query = (
            select(Click, RedirectPool.name)
            .outerjoin(RedirectPool, RedirectPool.id == Click.pool_id)
            .where(Click.lead_id.in_(self.leads), Click.account_id == self._account_id, *until)
        )
        for click, pool in self._session.execute(
            query.order_by(Click.at.desc(), Click.id.desc()).limit(most)
        ):
            details = {
                "click_id": click.id,
                "pool_id": click.pool_id,
                "pool": pool or "",
                "source": click.source,
                "campaign": campaign_of(click.params),
            }
            yield Happening(click.at, "click", click.id, click.bot_id, details)

    def _starts(self, until: Any, most: int) -> Iterator[Happening]:
        query = select(Start).where(Start.lead_id.in_(self.leads), *until)
        for row in self._session.scalars(query.order_by(Start.at.desc(), Start.id.desc()).limit(most)):
            details = {"start_param": row.start_param, "click_id": row.click_id or ""}
            yield Happening(row.at, "start", f"{row.id:020}", row.bot_id, details)

    def _steps(self, until: Any, most: int) -> Iterator[Happening]:
        query = (
            select(FlowVisit, Flow.key, Flow.name)
            .join(Flow, Flow.id == FlowVisit.flow_id)
            .where(
                FlowVisit.bot_id.in_(self.bots),
                FlowVisit.telegram_id == self._telegram_id,
                Flow.account_id == self._account_id,
                *until,
            )
        )
        ordered = query.order_by(FlowVisit.last_at.desc(), FlowVisit.step.desc()).limit(most)
        for row, key, name in self._session.execute(ordered):
            details = {"flow": key, "name": name, "step": row.step, "times": row.times}
            yield Happening(row.last_at, "step", f"{key}/{row.step}", row.bot_id, details)

    def _goals(self, until: Any, most: int) -> Iterator[Happening]:
        query = select(Goal).where(
            Goal.account_id == self._account_id,
            Goal.bot_id.in_(self.bots),
            Goal.telegram_id == self._telegram_id,
            *until,
        )
        for row in self._session.scalars(query.order_by(Goal.at.desc(), Goal.id.desc()).limit(most)):
            worth = None if row.amount_micros is None else decimal_of(row.amount_micros)
            details = {"goal": row.goal, "value": worth, "currency": row.currency, "source": row.source}
            yield Happening(row.at, "goal", f"{row.id:020}", row.bot_id, details)
