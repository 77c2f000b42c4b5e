"""Bots registered by pasting their token: where it stands in an update, what comes of it, and which pool the bot joins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from models import Bot, ChatRequest
from plugins.fleet import Screen
from services.core.errors import Conflict, FlotillaError, Unavailable
from services.core.i18n import Text
from services.core.redaction import TOKEN
from services.core.times import utc_now
from services.fleet.bots.registry import register_bot
from services.fleet.pools.fields import NewMember
from services.fleet.pools.members import add_member
from services.operations.manager import replacing
from services.operations.manager.finding import Turn, bot_numbered, choice, own_pools
from services.operations.manager.person import Person, page_of

MOST: Final = 5  # tokens of one message: Telegram is asked about each while its lane's chat waits
JUST_NOW: Final = timedelta(minutes=10)  # so long after, the same token means the same message once more
SAVED: Final = Text("✅ Sensitive data stored safely.")
NOT_DELETED: Final = Text("⚠️ I could not delete your message with the token. Delete it yourself.")
IN_GROUP: Final = Text(
    "⚠️ A bot's token was posted in this group, where others have seen it. Revoke it at @BotFather, and send me the new one in a private chat."
)


def tokens_in(value: Any) -> list[str]:
    """What looks like a token in the strings of an update: its text, a caption, a contact's name, a button; one above the most."""
    found = dict.fromkeys(found for text in _strings(value) for found in TOKEN.findall(text))
    return [*found][: MOST + 1]


def register(person: Person, tokens: Sequence[str], *, was_deleted: bool) -> Screen:
    """Add the bots of these tokens to the person's account, and offer pools for one; or give one to the bot that waits for it."""
    lines = [] if was_deleted else [person.say(NOT_DELETED)]
    waiting = replacing.expected(person)
    if waiting is not None and len(tokens) == 1 and replacing.is_for(person, waiting, tokens[0]):
        return Screen("\n".join([*lines, _replaced(person, waiting, tokens[0])]))
    added: list[Bot] = []
    for token in tokens[:MOST]:
        try:
            added.append(_registered(person, token))
            lines += [
                person.say(SAVED),
                person.say(Text("🤖 @{username} was added.", username=added[-1].username)),
            ]
        except Unavailable:
            raise
        except FlotillaError as error:
            lines.append(f"❌ {person.say(error.text)}")
    if len(tokens) > MOST:
        lines.append(
            person.say(Text("⚠️ I take {most} tokens of a message; send the others anew.", most=MOST))
        )
    return offer_pools(person, lines, added[0]) if len(added) == 1 else Screen("\n".join(lines))


def offer_pools(person: Person, lines: Sequence[str], bot: Bot) -> Screen:
    """These lines about a new bot, and below them the pools that it may join, where there are any."""
    if not own_pools(person):
        return Screen("\n".join(lines))
    offered = _pools_for(person, bot)
    return Screen("\n".join([*lines, "", offered.text]), offered.buttons)


def pools_turned(person: Person, payload: str) -> Screen:
    """Another page of the pools that a new bot may join; `payload` is `<page>:<bot>`."""
    page, _, bot_id = payload.partition(":")
    return _pools_for(person, bot_numbered(person, bot_id), page_of(page))


def join(person: Person, payload: str) -> Screen:
    """Put a new bot into the pool that was tapped; `payload` is `<bot>:<pool>`. Who is in it already stays so."""
    bot_id, _, pool_id = payload.partition(":")
    bot = bot_numbered(person, bot_id)
    found = next((pool for pool in own_pools(person) if str(pool.id) == pool_id), None)
    name = found.name if found else "–"
    try:
        add_member(person.platform, person.caller, int(pool_id), NewMember(bot_id=bot.id))
    except Conflict as error:
        if error.code != "already_member":
            raise
    return person.screen(
        Text("✅ @{username} joins {pool} once it is checked.", username=bot.username, pool=name)
    )


def _replaced(person: Person, waiting: ChatRequest, token: str) -> str:
    try:
        return f"{person.say(SAVED)}\n{replacing.replaced(person, waiting, token)}"
    except Unavailable:
        raise
    except FlotillaError as error:
        return f"❌ {person.say(error.text)}"


def _registered(person: Person, token: str) -> Bot:
    """The bot, new or, after a crash between its saving and the answer, just added by the same message."""
    try:
        return register_bot(person.platform, person.caller, token)
    except Conflict as error:
        known = _added_just_now(person, token) if error.code == "bot_exists" else None
        if known is None:
            raise
        return known


def _added_just_now(person: Person, token: str) -> Bot | None:
    number = token.partition(":")[0]
    mine = (Bot.account_id == person.caller.account_id, Bot.created_at > utc_now() - JUST_NOW)
    with person.platform.database.reading() as session:
        found = session.scalar(select(Bot).where(*mine, Bot.telegram_bot_id == int(number)))
        return found if found and not found.is_manager else None


def _pools_for(person: Person, bot: Bot, page: int = 0) -> Screen:
    named = {f"{bot.id}:{pool.id}": pool.name for pool in own_pools(person)}
    turn = Turn("where", str(bot.id), page)
    return choice(person, Text("Which pool shall it serve?"), "join", named, turn)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
