"""The bot or pool that somebody means by a name; where there is none, the nearest names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from sqlalchemy import select

from models import Bot, RedirectPool
from plugins.fleet import FleetButton, Screen
from services.core.errors import NotFound
from services.core.i18n import Text
from services.operations.manager.person import Person, cut, page_line, page_of, pager

NEAREST: Final = 3
CHOICES: Final = 8  # buttons of one screen
NO_BOTS: Final = Text("You have no bots yet. Paste a token from @BotFather to add one.")
NO_POOLS: Final = Text("You have no pools yet; make one in the panel.")


@dataclass(frozen=True)
class Turn:
    """How other pages of a choice are asked for: the action of their buttons, and what their payload, `<page>:<what>`, says."""

    action: str
    what: str
    page: int = 0


def bot_named(person: Person, name: str) -> Bot:
    """The person's bot of that @username, name, number or public id. Raises NotFound naming the three nearest."""
    wanted = name.strip().removeprefix("@").lower()
    found = next((bot for bot in own_bots(person) if wanted in _names(bot)), None)
    if found is None:
        raise _unknown(name, [f"@{bot.username}" for bot in own_bots(person)])
    return found


def bot_numbered(person: Person, payload: str) -> Bot:
    """The person's bot of a button. Raises NotFound for one that is gone, or no longer theirs."""
    wanted = int(payload) if payload.isdecimal() else 0
    found = next((bot for bot in own_bots(person) if bot.id == wanted), None)
    if found is None:
        raise NotFound("There is no such bot", code="bot_not_found")
    return found


def pool_named(person: Person, slug: str) -> RedirectPool:
    """The person's pool of that slug or name. Raises NotFound naming the three nearest."""
    pools = own_pools(person)
    wanted = slug.strip().removeprefix("/go/").lower()
    found = next((pool for pool in pools if wanted in (pool.slug, pool.name.lower(), str(pool.id))), None)
    if found is None:
        raise _unknown(slug, [pool.slug for pool in pools])
    return found


def own_bots(person: Person) -> list[Bot]:
    """The person's bots without the manager, in order of their usernames."""
    query = select(Bot).where(Bot.account_id == person.caller.account_id, ~Bot.is_manager)
    with person.platform.database.reading() as session:
        return list(session.scalars(query.order_by(Bot.username, Bot.id)))


def own_pools(person: Person) -> list[RedirectPool]:
    """The person's pools, in order of their slugs."""
    query = select(RedirectPool).where(RedirectPool.account_id == person.caller.account_id)
    with person.platform.database.reading() as session:
        return list(session.scalars(query.order_by(RedirectPool.slug)))


def choice(person: Person, question: Text, action: str, named: Mapping[str, str], turn: Turn) -> Screen:
    """Let the person tap what they did not name, a page at a time: payload -> what stands on the button."""
    page, pages, shown = cut([*named.items()], turn.page, CHOICES)
    rows = [[FleetButton(text, action, payload)] for payload, text in shown]
    lines = [person.say(question), *page_line(person, page, pages)]
    return Screen("\n".join(lines), [*rows, *pager(person, turn.action, page, pages, f":{turn.what}")])


def which_bot(person: Person, action: str, page: int = 0) -> Screen:
    """Let the person tap the bot that they did not name; `action` is what its button does."""
    bots = own_bots(person)
    return which_of(person, bots, action, Turn("which_bot", action, page)) if bots else person.screen(NO_BOTS)


def which_of(person: Person, bots: Iterable[Bot], action: str, turn: Turn) -> Screen:
    """The same among some of them."""
    named = {str(bot.id): f"@{bot.username}" for bot in bots}
    return choice(person, Text("Which bot?"), action, named, turn)


def which_pool(person: Person, action: str, page: int = 0) -> Screen:
    """The same for a pool."""
    named = {str(pool.id): pool.name for pool in own_pools(person)}
    if not named:
        return person.screen(NO_POOLS)
    return choice(person, Text("Which pool?"), action, named, Turn("which_pool", action, page))


def which_bot_turned(person: Person, payload: str) -> Screen:
    """Another page of such bots; `payload` is `<page>:<action>`."""
    page, _, action = payload.partition(":")
    return which_bot(person, action, page_of(page))


def which_pool_turned(person: Person, payload: str) -> Screen:
    """Another page of such pools."""
    page, _, action = payload.partition(":")
    return which_pool(person, action, page_of(page))


def _names(bot: Bot) -> set[str]:
    return {bot.username.lower(), bot.name.lower(), bot.public_id, str(bot.id), (bot.alias or "").lower()} - {
        ""
    }


def _unknown(name: str, known: Iterable[str]) -> NotFound:
    by_lower = {each.lower(): each for each in known}
    wanted = name.strip()[:64]
    near = [by_lower[each] for each in get_close_matches(wanted.lower(), by_lower, NEAREST, cutoff=0)]
    if not near:
        return NotFound(Text('There is nothing called "{name}" here', name=wanted), code="name_unknown")
    return NotFound(
        Text(
            'There is nothing called "{name}" here. Did you mean {near}?', name=wanted, near=", ".join(near)
        ),
        code="name_unknown",
    )
