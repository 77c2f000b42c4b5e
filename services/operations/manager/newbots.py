"""/new_bot, and what is said of the bots that come of it."""

from __future__ import annotations

from typing import Any, Final

from models import RedirectPool
from plugins.fleet import FleetButton, Screen
from services.core.errors import Conflict, FlotillaError, InvalidInput, NotFound, Unavailable
from services.core.i18n import Text, translate
from services.core.url_safety import check_link
from services.operations.managed.offers import creation_link
from services.operations.managed.registration import (
    Became,
    Outcome,
    announced_in,
    register_waiting,
    take_announced,
    waiting_of,
)
from services.operations.managed.telling import MAKE, added
from services.operations.manager.ensuring import manager_of
from services.operations.manager.finding import Turn, choice, own_pools, pool_named
from services.operations.manager.person import Person, page_of
from services.operations.manager.registering import offer_pools
from services.platform.platform import Platform

NO_POOL: Final = "0"
WHICH_POOL: Final = Text("Which pool is the new bot for?")
PASTE: Final = Text("Or make a bot at @BotFather and paste its token here: that always works.")


def new_bot(person: Person, args: str) -> Screen:
    """A link that makes a bot for the pool that is named, or is tapped."""
    if args:
        return _link(person, pool_named(person, args))
    return _which_pool(person) if own_pools(person) else _link(person, None)


def which_pool_turned(person: Person, payload: str) -> Screen:
    """Another page of the pools that a new bot may be for; `payload` is `<page>:`."""
    return _which_pool(person, page_of(payload.partition(":")[0]))


def new_bot_tapped(person: Person, payload: str) -> Screen:
    """The link for the pool that was tapped."""
    if payload == NO_POOL:
        return _link(person, None)
    found = next((pool for pool in own_pools(person) if str(pool.id) == payload), None)
    if found is None:
        raise NotFound("There is no such pool", code="pool_not_found")
    return _link(person, found)


def managed(
    platform: Platform, person: Person | None, language: str, update: dict[str, Any]
) -> Screen | None:
    """What is said to whoever made a bot, or changed one, once it is done; `language` is a stranger's."""
    said, manager = announced_in(update), manager_of(platform)
    if said is None or manager is None:
        return None
    try:
        outcome = take_announced(platform, manager, said, person.caller if person else None)
    except Unavailable:
        raise
    except FlotillaError as error:  # the next rounds try again
        return None if person is None else _not_yet(person, said.username, error)
    if person is not None:
        return _told(person, outcome)
    if outcome.became is not Became.WAITS:
        return None
    nobody = Text(
        "👋 @{username} is made, but I do not know you yet. Open your link in the panel, or ask an administrator to take the bot.",
        username=outcome.username,
    )
    return Screen(translate(nobody, language))


def take_waiting(person: Person) -> list[str]:
    """Register what the person made before they were known here; a line for each bot."""
    manager = manager_of(person.platform)
    if manager is None:
        return []
    lines = []
    for row in waiting_of(person.platform, manager, person.linked.telegram_id):
        try:
            outcome = register_waiting(person.platform, manager, row, person.caller)
            lines.append(person.say(added(outcome.username)))
        except Unavailable:
            raise
        except FlotillaError as error:
            lines.append(_not_yet(person, row.username, error).text)
    return lines


def _link(person: Person, pool: RedirectPool | None) -> Screen:
    try:
        link = creation_link(person.platform, person.caller, pool.id if pool else None)
    except Conflict as error:
        return Screen(f"⚠️ {person.say(error.text)}\n\n{person.say(PASTE)}")
    text = Text(
        "➕ A new bot, @{username} if you keep the name. Telegram asks you once.", username=link.username
    )
    lines = [person.say(text)]
    if pool:
        lines.append(person.say(Text("It joins {pool} by itself.", pool=pool.name)))
    try:
        check_link(link.address)
    except InvalidInput:  # Telegram is played within this network: no button opens that
        return Screen("\n".join([*lines, link.address]))
    return Screen("\n".join(lines), [[FleetButton(person.say(MAKE), url=link.address)]])


def _which_pool(person: Person, page: int = 0) -> Screen:
    named = {NO_POOL: person.say(Text("None for now"))} | {
        str(pool.id): pool.name for pool in own_pools(person)
    }
    return choice(person, WHICH_POOL, "new_bot", named, Turn("new_bot_for", "", page))


def _told(person: Person, outcome: Outcome) -> Screen | None:
    is_own = outcome.bot is not None and outcome.bot.account_id == person.caller.account_id
    if outcome.bot is None or not is_own:
        return None
    if outcome.became is Became.NEW_TOKEN:
        return person.screen(
            Text("🔑 @{username} has another token, and I keep it.", username=outcome.username)
        )
    if outcome.became is not Became.REGISTERED:
        return None
    lines = [person.say(added(outcome.username))]
    if outcome.pool is not None:
        joins = Text(
            "✅ @{username} joins {pool} once it is checked.",
            username=outcome.username,
            pool=outcome.pool.name,
        )
        return Screen("\n".join([*lines, person.say(joins)]))
    if outcome.refused is not None:
        lines.append(f"⚠️ {person.say(outcome.refused.text)}")
    return offer_pools(person, lines, outcome.bot)


def _not_yet(person: Person, username: str, error: FlotillaError) -> Screen:
    text = Text(
        "⏳ @{username} is made, but not added yet: {reason}. I try again every minute for an hour.",
        username=username,
        reason=error.text,
    )
    return person.screen(text)
