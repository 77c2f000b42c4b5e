"""/replace_token: which token is to come is chosen first, then it is pasted."""

from __future__ import annotations

from models import Bot, ChatRequest, ChatRequestState
from plugins.fleet import FleetButton, Screen
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.fleet.bots.token_replacement import replace_token
from services.operations.manager import waiting
from services.operations.manager.finding import bot_named, bot_numbered, which_bot
from services.operations.manager.person import CANCEL, Person
from services.platform.tokens import token_of

COMMAND = "replace_token"
SAME, ANOTHER = "same", "another"


def replace(person: Person, args: str) -> Screen:
    """Ask which token is to come."""
    if not args:
        return which_bot(person, "ask_replace_token")
    return _question(person, bot_named(person, args))


def tapped(person: Person, payload: str) -> Screen:
    """The tap on a bot's name that asks as the command does."""
    return _question(person, bot_numbered(person, payload))


def words(person: Person, payload: str) -> Text:
    """What replacing is; `payload` is `<bot>:same` or `<bot>:another`."""
    bot, is_another = _chosen(person, payload)
    if is_another:
        return Text("Give the place of @{username} to another bot", username=bot.username)
    return Text("Replace the token of @{username}", username=bot.username)


def expect_token(person: Person, payload: str) -> Screen:
    """Take the next token that the person pastes, for five minutes, as the bot's."""
    bot, _ = _chosen(person, payload)
    made = waiting.ask(person, COMMAND, payload, words(person, payload), state=ChatRequestState.APPROVED)
    cancel = FleetButton(person.say(CANCEL), "drop", made.id)
    text = Text(
        "🔑 Send me the new token for @{username} within 5 minutes. I delete your message at once.",
        username=bot.username,
    )
    return person.screen(text, [[cancel]])


def expected(person: Person) -> ChatRequest | None:
    """What the next pasted token is for; None where it is a new bot's."""
    found = waiting.request_of(person)
    return found if found and found.action == COMMAND and found.state != ChatRequestState.WAITING else None


def is_for(person: Person, request: ChatRequest, token: str) -> bool:
    """Whether a pasted token is meant by it: the next one is, and once more the last one, of a message that is handled again."""
    if request.state == ChatRequestState.APPROVED:
        return True
    return token_of(person.platform, _chosen(person, request.payload)[0]) == token


def replaced(person: Person, request: ChatRequest, token: str) -> str:
    """Give the bot this token; a line about it. Raises as `replace_token`, and then the next token is tried."""
    bot, is_another = _chosen(person, request.payload)
    bot = replace_token(person.platform, person.caller, bot.id, token, new_identity=is_another)
    waiting.note_done(person, request.id)
    return person.say(Text("🔑 @{username} has its new token and is checked now.", username=bot.username))


def _question(person: Person, bot: Bot) -> Screen:
    text = Text(
        "Which token will you send for {name} (@{username})? Another bot takes over pools, links, settings and statistics; "
        "people who know the former one have to press Start at the new one.",
        name=bot.name,
        username=bot.username,
    )
    same = person.say(Text("🔑 A new token of @{username}", username=bot.username))
    another = person.say(Text("🔄 The token of another bot"))
    rows = [
        [FleetButton(same, "do_replace_token", f"{bot.id}:{SAME}", once=True)],
        [FleetButton(another, "do_replace_token", f"{bot.id}:{ANOTHER}", once=True)],
        [FleetButton(person.say(CANCEL), "cancel")],
    ]
    return person.screen(text, rows)


def _chosen(person: Person, payload: str) -> tuple[Bot, bool]:
    number, _, which = payload.partition(":")
    if which not in (SAME, ANOTHER):
        raise InvalidInput("There is no such choice")
    return bot_numbered(person, number), which == ANOTHER
