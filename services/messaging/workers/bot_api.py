"""The Bot API as a bot's program finds it here: libraries for bots work unchanged with another address and the worker's token.

getUpdates takes from the bot's queue, and an offset acknowledges; every other method goes through the outbox and answers what
Telegram said. Updates are numbered by us, in the order in which they are given out: an offset is then exact.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

from models import Bot
from plugins.files import FileRefused
from services.core.errors import Conflict, InvalidInput
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.files.program_files import ProgramFiles
from services.messaging.workers.answering import WantedCall, check_call, check_room
from services.messaging.workers.form_values import value_in
from services.messaging.workers.giving import WorkGiver, queue_of, settle
from services.messaging.workers.replies import call_and_wait
from services.messaging.workers.said import Said, number_in, ok, refusal
from services.messaging.workers.webhooks.methods import (
    BY_WEBHOOK,
    delete_webhook,
    set_webhook,
    webhook_info,
)
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.platform.tokens import token_of

CONSUMER: Final = "botapi"
LONGEST_POLL: Final = 25.0  # seconds; proxies give up on a silent request after 30
LONGEST_CALL: Final = 25.0
POLLER_SECONDS: Final = 60
LARGEST_FILE: Final = 20 * 1024 * 1024  # bytes, Telegram's own limit for bots
FILE_SECONDS: Final = 60.0
WEBHOOK_IS_SET: Final = refusal(
    409,
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
)
OTHER_POLLER: Final = refusal(
    409, "Conflict: terminated by other getUpdates request; run one copy, or use the Runtime API"
)
Uploaded = tuple[str, IO[bytes]]  # a file's name and content
NOTHING: Final[Mapping[str, Uploaded]] = {}
FILE_TEXTS: Final = {
    "too_large": "a photo has at most 10 MB, another file 50 MB",
    "quota": "the account's room for files is full until calls that wait were made, or kept files are deleted",
}
Own = Callable[[WorkerIdentity, Mapping[str, Any], Callable[[], bool]], Said]


class BotApi:
    """The Bot API for the programs that ask one process."""

    def __init__(self, platform: Platform, giver: WorkGiver) -> None:
        self._platform = platform
        self._giver = giver
        self._files = ProgramFiles(platform)
        self._own: Mapping[str, Own] = {
            "getupdates": self._get_updates,
            "setwebhook": lambda asked, params, _: set_webhook(platform, asked, params),
            "deletewebhook": lambda asked, params, _: delete_webhook(platform, asked, params),
            "getwebhookinfo": lambda asked, *_: webhook_info(platform, asked),
        }

    def call(
        self,
        worker: WorkerIdentity,
        method: str,
        params: Mapping[str, Any],
        has_left: Callable[[], bool],
        files: Mapping[str, Uploaded] = NOTHING,
    ) -> Said:
        """Do what a method asks, with the files of its form. Raises RateLimited as `check_room`, RedisError, and Unavailable while the database or disk is away."""
        own = self._own.get(method.lower())
        try:
            if own is not None:
                return own(worker, {**params, **files}, has_left)
            wanted = WantedCall(method, {name: value_in(name, value) for name, value in params.items()})
            check_call(wanted)
        except InvalidInput as error:
            return refusal(400, f"Bad Request: {error.message}")
        except Conflict as error:
            return refusal(409, f"Conflict: {error.message}")
        check_room(self._platform, worker)
        whole = dict(wanted.params)
        try:
            for field, (name, content) in files.items():
                whole[field] = self._files.keep(worker.bot_id, worker.account_id, field, name, content)
        except FileRefused as error:
            self._files.discard(worker.bot_id, whole)
            return refusal(413, f"Request Entity Too Large: {FILE_TEXTS[error.code]}")
        said = call_and_wait(
            self._platform, worker.bot_id, method, whole, seconds=LONGEST_CALL, has_left=has_left
        )
        if said is None:
            return refusal(
                504, "Gateway Timeout: the call is queued and will be made when Telegram's limits let it"
            )
        return Said(200 if said["ok"] else int(said["error_code"] or 502), said)

    def download(self, worker: WorkerIdentity, path: str, take: Callable[[bytes], None]) -> None:
        """Hand the bytes of a file, as getFile names its path, to `take`. Raises the TelegramError family."""
        with self._platform.database.reading() as session:
            bot = session.get_one(Bot, worker.bot_id)
        token = token_of(self._platform, bot)
        self._platform.telegram.download(token, path, take, largest=LARGEST_FILE, seconds=FILE_SECONDS)

    def _get_updates(
        self, worker: WorkerIdentity, params: Mapping[str, Any], has_left: Callable[[], bool]
    ) -> Said:
        if worker.has_webhook:
            return WEBHOOK_IS_SET
        offset, limit = number_in(params, "offset", 0), number_in(params, "limit", 100)
        seconds = min(float(max(0, number_in(params, "timeout", 0))), LONGEST_POLL)
        turn, key = secrets.token_hex(8), work_keys.poller(worker.bot_id)
        self._platform.redis.set(key, turn, ex=POLLER_SECONDS)

        def is_over() -> bool:
            return has_left() or self._platform.redis.get(key) != turn

        self._acknowledge(worker, offset)
        given = self._giver.take(
            worker,
            most=min(max(1, limit), 100),
            wait_seconds=seconds,
            consumer=CONSUMER,
            has_left=is_over,
        )
        if not given and (latest := self._platform.redis.get(key)) != turn:
            return WEBHOOK_IS_SET if latest == BY_WEBHOOK else OTHER_POLLER
        return ok([{**each.update, "update_id": each.work.number} for each in given])

    def _acknowledge(self, worker: WorkerIdentity, offset: int) -> None:
        """Settle what was given out below `offset`; what was not is given out again, as Telegram does."""
        queue = queue_of(self._platform, worker)
        for work in queue.given_to(CONSUMER):
            if work.number < offset:
                settle(self._platform, worker, work, ())
            else:
                queue.give_back(work, worker.lease_seconds, 0.0)
