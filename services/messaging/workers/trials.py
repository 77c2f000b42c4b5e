"""Trials: an update made up for a developer goes a bot's road to its program, and what that answers is shown, not sent.

The mark is in the request id, which travels from the lane to the answer. The person is nobody: no limit, no lead, no start and
no message of the bot's is theirs.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from services.core.logs import new_request_id
from services.messaging.updates.intake import Intake
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.platform.token_encryption import dump_sealed, load_opened

MARK: Final = "~t"
FIRST_NUMBER: Final = (
    1 << 51
)  # of people and updates: Telegram's own stay far below, and those of JSON's readers above
ANSWER_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Trial:
    """A trial that is on its way to the program of a bot."""

    bot_id: int
    request_id: str


@dataclass(frozen=True)
class TrialAnswer:
    """What a program said to a trial: `calls`, each {"method", "params"}, or why it failed, and whether it gets it `again`."""

    calls: tuple[dict[str, Any], ...] = ()
    error: str = ""
    again: bool = False


def is_trial(request_id: str) -> bool:
    """Whether an update with this request id is a trial, or a replay of one."""
    return MARK in request_id


def begin_trial(platform: Platform, bot_id: int, text: str) -> Trial:
    """Have nobody in particular write `text` to a bot with a worker. Raises Unavailable."""
    trial = Trial(bot_id, new_request_id() + MARK)
    Intake(platform).accept(bot_id, _update(text), trial.request_id)
    return trial


def tell_trial(platform: Platform, bot_id: int, request_id: str, said: TrialAnswer) -> None:
    """Keep what the program answered for whoever waits. Raises RedisError."""
    key = work_keys.trial(bot_id, request_id)
    platform.redis.set(key, dump_sealed(platform.vault, asdict(said), bot_id), ex=ANSWER_SECONDS)


def wait_for_answer(platform: Platform, trial: Trial, seconds: float) -> TrialAnswer | None:
    """What the program answered within that time; None when it has not. Raises RedisError."""
    key, deadline = work_keys.trial(trial.bot_id, trial.request_id), time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = platform.redis.getdel(key)
        if found is not None:
            return TrialAnswer(**load_opened(platform.vault, str(found), trial.bot_id))
        time.sleep(LOOK_SECONDS)
    return None


def _update(text: str) -> dict[str, Any]:
    """A message of somebody who is new each time, so that no trial waits for another."""
    number = FIRST_NUMBER + secrets.randbelow(FIRST_NUMBER)
    person = {"id": number, "first_name": "Trial", "language_code": "en"}
    command = text.split(maxsplit=1)[0] if text.startswith("/") else ""
    entities = [{"type": "bot_command", "offset": 0, "length": len(command)}] if command else []
    message: dict[str, Any] = {
        "message_id": 1,
        "date": int(time.time()),
        "from": {**person, "is_bot": False},
        "chat": {"id": number, "first_name": "Trial", "type": "private"},
        "text": text,
        **({"entities": entities} if entities else {}),
    }
    return {"update_id": number, "message": message}
