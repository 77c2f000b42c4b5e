"""The request id of a replay: the first life's, and which letter is replayed for the how-manieth time.

It travels with the entry through lane and outbox, so whoever gives the replay up knows which letter to open again, and
every log line of a replay is found under its id.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PATTERN = re.compile(r"~(?P<kind>[us])(?P<letter>[0-9]{1,19})\.(?P<number>[0-9]{1,9})$")
LETTERS = {"update": "u", "send": "s"}


class Replay(NamedTuple):
    """The `number`th replay of a dead letter."""

    letter_id: int
    number: int


def replay_id(request_id: str, kind: str, replay: Replay) -> str:
    """The request id of a replay of what had `request_id`; `kind` is update or send."""
    return f"{PATTERN.sub('', request_id)}~{LETTERS[kind]}{replay.letter_id}.{replay.number}"


def replay_of(request_id: str, kind: str) -> Replay | None:
    """The replay that an update or send with this request id is; None for a first life.

    What a replayed update sends carries the update's id and is no replay of a send.
    """
    if "~" not in request_id:
        return None
    found = PATTERN.search(request_id)
    if found is None or found["kind"] != LETTERS[kind]:
        return None
    return Replay(int(found["letter"]), int(found["number"]))
