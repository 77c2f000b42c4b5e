"""/logs: what happened to a bot last."""

from __future__ import annotations

from typing import Final

from models import Bot
from plugins.fleet import FleetButton, Screen
from services.core.i18n import Text
from services.operations.manager.finding import bot_named, bot_numbered, which_bot
from services.operations.manager.person import Person
from services.reporting.bot_events import describe_event, list_bot_events

LINES: Final = 10
LONGEST: Final = 300  # characters of a line: ten of them fit into a message


def logs(person: Person, args: str) -> Screen:
    """The last ten events of a bot."""
    if not args:
        return which_bot(person, "logs")
    return _events(person, bot_named(person, args), "")


def logs_tapped(person: Person, payload: str) -> Screen:
    """Those of the bot of a button, or the ten before; `payload` is `<bot id>[:<cursor>]`."""
    number, _, cursor = payload.partition(":")
    return _events(person, bot_numbered(person, number), cursor)


def _events(person: Person, bot: Bot, cursor: str) -> Screen:
    found = list_bot_events(person.platform, person.caller, bot.id, cursor=cursor, limit=LINES + 1)
    if not found:
        return person.screen(Text("Nothing has happened to @{username} yet.", username=bot.username))
    lines = [person.say(Text("📜 Last events of @{username} (UTC)", username=bot.username)), ""]
    for event in found[:LINES]:
        told = person.say(describe_event(event)["text"])
        line = f"{event.place.at:%d/%m %H:%M} · {told} · {person.say(event.by)}"
        lines.append(line if len(line) <= LONGEST else f"{line[:LONGEST]}…")
    more = [[FleetButton("▶️", "logs", f"{bot.id}:{found[LINES - 1].cursor}")]] if len(found) > LINES else []
    return Screen("\n".join(lines), more)
