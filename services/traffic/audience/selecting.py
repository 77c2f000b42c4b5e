"""The query for the people of an account who meet conditions, the same on both databases."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import Bot, Lead, PoolBot, RedirectPool
from services.core.identifiers import parsed_id
from services.traffic.audience.click_conditions import came_from
from services.traffic.audience.conditions import Conditions, days_ago
from services.traffic.audience.goal_conditions import has_goal
from services.traffic.audience.step_conditions import has_reached
from services.traffic.audience.tag_conditions import has_any, has_tag
from services.traffic.clicks.leads import UNREACHABLE

__all__ = ["bots_of", "count_people", "has_tag", "says", "select_people"]


def select_people(account_id: int, conditions: Conditions) -> Select[int, int, int]:
    """Rows of (lead's id, `bot_id`, `telegram_id`), in no order: a person once per bot that knows them.

    Bots and pools of somebody else match nobody. Joined with `Bot`, on which callers may set further conditions.
    """
    people = select(Lead.id, Lead.bot_id, Lead.telegram_id).join(Bot, Bot.id == Lead.bot_id)
    return people.where(Lead.account_id == account_id, *_asked(account_id, conditions))


def count_people(session: Session, account_id: int, conditions: Conditions) -> int:
    """How many rows `select_people` has."""
    rows = select_people(account_id, conditions).with_only_columns(Lead.id, maintain_column_froms=True)
    return session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _asked(account_id: int, conditions: Conditions) -> Iterator[ColumnElement[bool]]:
    yield from (says(word) for word in conditions.words.split())
    yield from _places(account_id, conditions, Lead.bot_id)
    yield from _tags(conditions)
    if conditions.languages:
        yield or_(*(_speaks(language) for language in conditions.languages))
    if conditions.sources or conditions.campaigns:
        yield came_from(conditions.sources, conditions.campaigns)
    yield from (has_reached(account_id, step) for step in conditions.reached)
    yield from (~has_reached(account_id, step) for step in conditions.not_reached)
    if conditions.goals_any:
        yield has_goal(conditions.goals_any)
    if conditions.goals_none:
        yield ~has_goal(conditions.goals_none)
    yield from _moments(conditions)
    if conditions.states:
        yield or_(*(_is(state) for state in conditions.states))


def says(word: str) -> ColumnElement[bool]:
    """The condition of leads whose name or username holds the word, or whose Telegram id it is."""
    word = word.removeprefix("@")
    names = (Lead.first_name, Lead.last_name, Lead.username)
    alike = [name.icontains(word, autoescape=True) for name in names]
    number = parsed_id(word)
    return or_(*alike) if number is None else or_(Lead.telegram_id == number, *alike)


def bots_of(account_id: int, conditions: Conditions) -> ColumnElement[bool]:
    """The condition of the account's bots that the people are asked to know; of all its bots where nothing is asked of bots."""
    return and_(Bot.account_id == account_id, *_places(account_id, conditions, Bot.id))


def _places(
    account_id: int, conditions: Conditions, bot_id: InstrumentedAttribute[int]
) -> Iterator[ColumnElement[bool]]:
    if conditions.bots:
        yield bot_id.in_(conditions.bots)
    if conditions.pools:
        members = select(PoolBot.bot_id).join(RedirectPool, RedirectPool.id == PoolBot.pool_id)
        own = members.where(RedirectPool.account_id == account_id, RedirectPool.id.in_(conditions.pools))
        yield bot_id.in_(own)


def _tags(conditions: Conditions) -> Iterator[ColumnElement[bool]]:
    if conditions.tags_any:
        yield has_any(conditions.tags_any)
    yield from (has_tag(tag) for tag in conditions.tags_all)
    yield from (~has_tag(tag) for tag in conditions.tags_none)


def _speaks(language: str) -> ColumnElement[bool]:
    spoken = func.lower(Lead.language)
    return or_(spoken == language, spoken.startswith(f"{language}-", autoescape=True))


def _moments(conditions: Conditions) -> Iterator[ColumnElement[bool]]:
    if conditions.seen_after is not None:
        yield Lead.first_interaction >= conditions.seen_after
    if conditions.seen_before is not None:
        yield Lead.first_interaction < conditions.seen_before
    if conditions.inactive_days is not None:
        yield Lead.last_interaction < days_ago(conditions.inactive_days)
    if conditions.active_days is not None:
        yield Lead.last_interaction >= days_ago(conditions.active_days)


def _is(state: str) -> ColumnElement[bool]:
    if state == UNREACHABLE:
        return Lead.identity != Bot.identity
    return and_(Lead.state == state, Lead.identity == Bot.identity)
