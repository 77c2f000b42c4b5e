"""One call to the Bot API and what is to become of the message after it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis import RedisError

from services.alerts.dead_letters.store import failure
from services.core.errors import (
    ConfigurationError,
    NeverSent,
    Rejected,
    TelegramError,
    TokenRejected,
    TooManyRequests,
    Unavailable,
    Uncertain,
)
from services.core.fault_injection import CrashPoint, crash_point_reached
from services.core.i18n import Text
from services.core.logs import log_plain
from services.core.metrics import API_ERRORS, FLOOD_WAITS, RETRIES, SEND_SECONDS, SENDS
from services.fleet.health.sweep import report_unauthorized
from services.messaging.files.uploads import Uploads
from services.messaging.outbox.acquaintances import Acquaintances
from services.messaging.outbox.even_turns import EvenTurns
from services.messaging.outbox.group_moves import GroupMoves
from services.messaging.outbox.message_letters import MessageLetters
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.repetition import Repetitions, most_uncertain
from services.messaging.outbox.send_window import SendWindow
from services.messaging.outbox.sender_cache import BotSender, SenderCache
from services.messaging.outbox.timings import DEFAULT_TIMINGS, OutboxTimings
from services.messaging.outbox.unformatted import warn_owner, without_markup
from services.platform.database import Database
from services.platform.platform import Platform
from services.platform.redis.schema_version import wait_for_newer
from services.platform.telegram.client import TelegramClient
from services.platform.telegram.outcomes import GATEWAY
from services.platform.telegram.refusals import RefusalClass, is_malformed, lead_state, refusal_class
from services.traffic.clicks.leads import set_lead_state

logger = logging.getLogger(__name__)
SERVER_ERROR_ATTEMPTS = 5
LOST_PAUSE_SECONDS = 0.2  # until the loss of the lease is noticed everywhere
NEWER_PAUSE_SECONDS = 10.0  # longer than a drain lingers, so that a newer process can have the shard
OLDEST_SECONDS = 24 * 3600.0  # what could not be sent for so long is of no use to anybody
OLDEST_UNAUTHORIZED_SECONDS = 3600.0
ENDED = Text("The process that was sending this ended")
NOT_AGAIN = Text("It may have arrived, and is not sent again")
BOT_GONE = {"ok": False, "description": "bot_gone"}  # what the ledger of a broadcast hears
REMEMBERED = 20  # failures of one message, for its dead letter


MayDepart = Callable[[OutboxMessage, bool], bool]


class Disposition(StrEnum):
    """What becomes of a message."""

    SETTLED = "settled"  # sent or given up: out of the outbox
    CHAT_WAITS = "chat_waits"
    FLOODED = "flooded"  # 429: the chat waits, and perhaps the bot
    BOT_WAITS = "bot_waits"


@dataclass(frozen=True)
class SendResult:
    """What becomes of the message, and after how many seconds it may be tried again."""

    after: Disposition
    delay: float = 0.0
    counts: bool = False  # the attempt is to be remembered


SETTLED = SendResult(Disposition.SETTLED)


class Sender:
    """Sends messages of any bot through one pooled session."""

    def __init__(
        self,
        platform: Platform,
        client: TelegramClient,
        tokens: SenderCache,
        timings: OutboxTimings = DEFAULT_TIMINGS,
    ) -> None:
        self._platform = platform
        self.turns = EvenTurns()  # of this process's broadcasts
        self.send_window = SendWindow()  # of this process's messages
        self._tokens = tokens
        self._timings = timings
        self._letters = MessageLetters(platform)
        self._moves = GroupMoves(platform)
        self._acquaintances = Acquaintances(platform)
        self._repetitions = Repetitions(client)
        self._uploads = Uploads(platform, client)

    def expect(self, bot_ids: Iterable[int]) -> None:
        """Messages of these bots come: read in one go what is to be known of those that are not at hand."""
        with suppress(Unavailable):  # then each of their messages asks, and waits
            self._tokens.read_ahead(bot_ids)

    def send(self, outgoing: OutboxMessage, may_depart: MayDepart) -> SendResult:
        """Try once to send; never raises for what Telegram, Redis or the database do.

        `may_depart` is asked last before it leaves, and puts a send of an at_most_once bot on record; False forbids it.
        """
        try:
            return _tidied(self._uploads, outgoing, self._send(outgoing, may_depart))
        except (Unavailable, RedisError) as error:
            logger.warning("message waits: %s", error)
            pause = NEWER_PAUSE_SECONDS if outgoing.newer else self._timings.database_pause
            return SendResult(Disposition.CHAT_WAITS, pause, counts=outgoing.may_have_arrived)
        except ConfigurationError as error:  # this process has no key that opens the bot's token
            logger.error("the bot waits: %s", error)
            return SendResult(Disposition.BOT_WAITS, self._timings.token_pause)
        except Exception as error:  # noqa: BLE001  # whatever it is, the chat goes on some day
            return _stumbled(outgoing, error, self._timings.backoff)

    def _send(self, outgoing: OutboxMessage, may_depart: MayDepart) -> SendResult:
        if outgoing.failed_for_good is not None:  # the database was away when it was to be buried
            return self._dead_letter(outgoing, outgoing.failed_for_good)
        if outgoing.newer:
            wait_for_newer(outgoing.entry_id)
            return self._dead_letter(outgoing, NeverSent("Written by a newer release, which did not come"))
        sender = self._tokens.get(outgoing.bot_id)
        if sender is None:
            SENDS.labels("refused").inc()
            logger.info("message dropped: its bot is gone")
            return _told(outgoing, BOT_GONE) if outgoing.broadcast_id else SETTLED
        once = sender.at_most_once or outgoing.broadcast_id > 0
        if outgoing.was_in_flight or outgoing.uncertain >= most_uncertain(once):
            SENDS.labels("uncertain").inc()
            return self._dead_letter(outgoing, Uncertain(ENDED if outgoing.was_in_flight else NOT_AGAIN))
        if outgoing.uncertain and (error := self._repetitions.reason_to_wait(outgoing.bot_id, sender.token)):
            return self._failed(outgoing, error, sender)
        if may_depart(outgoing, once):
            return self._try(outgoing, sender)
        if outgoing.halted:
            return _told(outgoing, {"ok": False, "halted": True})
        return SendResult(Disposition.CHAT_WAITS, LOST_PAUSE_SECONDS)

    def _try(self, outgoing: OutboxMessage, sender: BotSender) -> SendResult:
        crash_point_reached(CrashPoint.SEND_BEFORE_HTTP, self._platform.settings.crash_point)
        self._moves.follow(outgoing)
        started, params = time.monotonic(), outgoing.call["params"]
        try:
            self._acquaintances.check(outgoing, sender.identity)
            result = self._uploads.call(sender.token, outgoing.bot_id, outgoing.method, params)
        except TelegramError as error:
            return self._failed(outgoing, error, sender)
        crash_point_reached(CrashPoint.SEND_AFTER_HTTP, self._platform.settings.crash_point)
        outgoing.note_sent(result, keeps=sender.keeps_messages)
        seconds = time.monotonic() - started
        SENDS.labels("done").inc()
        SEND_SECONDS.labels(outgoing.method).observe(seconds)
        log_plain(logger, f"sent {outgoing.method}", (_event(outgoing, seconds),))
        return SETTLED

    def _failed(self, outgoing: OutboxMessage, error: TelegramError, sender: BotSender) -> SendResult:
        API_ERRORS.labels("telegram", str(error.error_code)).inc()
        outgoing.failures = (*outgoing.failures[1 - REMEMBERED :], failure(error))
        match error:
            case TooManyRequests():
                FLOOD_WAITS.inc()
                SENDS.labels("later").inc()
                return SendResult(Disposition.FLOODED, error.retry_after or 1.0)
            case TokenRejected():
                return self._unauthorized(outgoing, error)
            case Rejected():
                return self._rejected(outgoing, error, sender)
            case NeverSent():
                outgoing.never_sent += 1
                return self._again(outgoing, error, outgoing.never_sent)
        once = sender.at_most_once or outgoing.broadcast_id > 0
        if not error.may_have_arrived or (_is_server_error(error) and not once):
            outgoing.server_errors += 1
            return self._again(outgoing, error, outgoing.server_errors, most=SERVER_ERROR_ATTEMPTS)
        SENDS.labels("uncertain").inc()
        outgoing.uncertain += 1
        return self._again(outgoing, error, outgoing.uncertain, most=most_uncertain(once))

    def _unauthorized(self, outgoing: OutboxMessage, error: TokenRejected) -> SendResult:
        """The token, not the message, is at fault: tell the health model, keep the message for a while."""
        report_unauthorized(self._platform, outgoing.bot_id)
        self._tokens.forget(outgoing.bot_id)  # it may have been replaced meanwhile
        if outgoing.age_seconds > OLDEST_UNAUTHORIZED_SECONDS:
            return self._dead_letter(outgoing, error)
        SENDS.labels("later").inc()
        return SendResult(Disposition.BOT_WAITS, self._timings.token_pause)

    def _rejected(self, outgoing: OutboxMessage, error: Rejected, sender: BotSender) -> SendResult:
        if _was_mended(self._platform, self._moves, outgoing, error):
            return self._try(outgoing, sender)
        meaning = refusal_class(error, outgoing.method)
        if meaning is RefusalClass.OUR_FAULT and "then" not in outgoing.call:  # else its plugin hears of it
            return self._dead_letter(outgoing, error)
        if meaning is RefusalClass.PERSON_GONE:
            _mark_lead(self._platform.database, outgoing, lead_state(error))
        outgoing.note_answer({"ok": True} if meaning is RefusalClass.AS_DONE else _refusal(error))
        SENDS.labels("done" if meaning is RefusalClass.AS_DONE else "refused").inc()
        logger.info("message refused (%s): %s", meaning, error)
        return SETTLED

    def _again(
        self, outgoing: OutboxMessage, error: TelegramError, number: int, most: int | None = None
    ) -> SendResult:
        """Give up at the `most`-th failure of this class, else try again, later with each `number`."""
        if (most is not None and number >= most) or outgoing.age_seconds > OLDEST_SECONDS:
            return self._dead_letter(outgoing, error)
        SENDS.labels("later").inc()
        RETRIES.labels("send").inc()
        delay = _delay(self._timings.backoff, number)
        logger.warning("message will be tried again in %.1f s: %s", delay, error)
        return SendResult(Disposition.CHAT_WAITS, delay, counts=most is not None)

    def _dead_letter(self, outgoing: OutboxMessage, error: TelegramError) -> SendResult:
        outgoing.failed_for_good = error
        if outgoing.broadcast_id:  # its ledger keeps what came of it
            SENDS.labels("dead").inc()
            return _told(outgoing, {**_refusal(error), "uncertain": error.may_have_arrived})
        outgoing.note_answer(_refusal(error))
        error_id = self._letters.store(outgoing, error)
        SENDS.labels("dead").inc()
        logger.error("message given up: %s; error id %s", error, error_id)
        return SETTLED


def _stumbled(outgoing: OutboxMessage, error: Exception, backoff: tuple[float, float]) -> SendResult:
    """An error that nobody foresaw: after some tries, or at once where it may have arrived, it is to be buried."""
    logger.error("sending failed unexpectedly", exc_info=error)
    RETRIES.labels("send").inc()
    outgoing.server_errors += 1
    if outgoing.failed_for_good is None:
        outgoing.failures = (*outgoing.failures[1 - REMEMBERED :], failure(error))
        reason = Text("It could not be sent: {error}", error=f"{type(error).__name__}: {error}")
        if outgoing.in_flight:
            outgoing.failed_for_good = Uncertain(reason)
        elif outgoing.server_errors >= SERVER_ERROR_ATTEMPTS:
            outgoing.failed_for_good = TelegramError(reason)
    return SendResult(Disposition.CHAT_WAITS, _delay(backoff, outgoing.server_errors), counts=True)


def _tidied(uploads: Uploads, outgoing: OutboxMessage, result: SendResult) -> SendResult:
    """The result; what was uploaded for a call that was made or refused is deleted, while a dead letter may be sent again."""
    if result is SETTLED and outgoing.failed_for_good is None:
        try:
            uploads.discard(outgoing.bot_id, outgoing.call["params"])
        except OSError as error:  # it was sent all the same; what is too old is swept
            logger.warning("what was uploaded for a call stays: %s", type(error).__name__)
    return result


def _event(outgoing: OutboxMessage, seconds: float) -> str:
    """A sent message, as its line in the log tells it."""
    ids = f'"request_id":"{outgoing.request_id}","bot_id":{outgoing.bot_id}'
    return f'{ids},"ms":{seconds * 1000:.1f}'


def _told(outgoing: OutboxMessage, outcome: dict[str, Any]) -> SendResult:
    """Out of the outbox; whoever waits for the answer hears of `outcome`."""
    outgoing.note_answer(outcome)
    return SETTLED


def _refusal(error: TelegramError) -> dict[str, Any]:
    """A failed call, for the plugin that wanted its answer."""
    return {"ok": False, "error_code": error.error_code, "description": error.message}


def _delay(backoff: tuple[float, float], number: int) -> float:
    """Seconds to wait after the `number`-th failure."""
    shortest, longest = backoff
    return min(longest, shortest * 2.0 ** min(number - 1, 10)) * random.uniform(0.75, 1.25)


def _was_mended(platform: Platform, moves: GroupMoves, outgoing: OutboxMessage, error: Rejected) -> bool:
    """Whether the message now goes where its group has moved to, or without the markup that Telegram could not read."""
    if error.migrate_to_chat_id is not None:
        return moves.learn(outgoing, error.migrate_to_chat_id)
    plain = without_markup(outgoing.call["params"]) if is_malformed(error) else None
    if plain is None:
        return False
    warn_owner(platform, outgoing.bot_id, error)
    outgoing.call["params"] = plain
    return True


def _mark_lead(database: Database, outgoing: OutboxMessage, state: str) -> None:
    """The person blocked the bot or left Telegram; refusals of groups, and of people who write to a business account that
    the bot answers for, say nothing about one of its own.
    """
    if not outgoing.chat.isdecimal() or "business_connection_id" in outgoing.call["params"]:
        return
    with database.transaction() as session:
        set_lead_state(session, outgoing.bot_id, int(outgoing.chat), state)


def _is_server_error(error: TelegramError) -> bool:
    """A 5xx but those that leave it uncertain; without the Bot API's own words it may have arrived all the same."""
    return 500 <= error.error_code < 600 and error.error_code not in GATEWAY
