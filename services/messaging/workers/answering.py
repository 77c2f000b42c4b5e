"""What a worker answers: calls of the Bot API for its bot's outbox, that it needs longer, or that it failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from redis import RedisError

from plugins.effects import Priority
from plugins.files import PROGRAM_FILE, STORED_FILE, TEXT_FILE
from services.core.errors import Conflict, InvalidInput, RateLimited
from services.core.i18n import Text
from services.core.storable import storable
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.buttons.button_links import check_buttons
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.outbox.outgoing import ANSWERS, slot_of
from services.messaging.workers.giving import WorkGiver, queue_of, settle
from services.messaging.workers.trials import TrialAnswer, is_trial, tell_trial
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue
from services.platform.redis.keys import OUTBOX_PRIORITIES, outbox
from services.platform.token_encryption import dump_sealed
from services.queueing.work_queue import MOST_DELIVERIES, Work, WorkCall

METHOD: Final = re.compile(r"[A-Za-z]{3,64}")
# What would take the bot out of our hands, or its token or another's out of the house.
REFUSED: Final = frozenset(
    name.lower()
    for name in (
        "getUpdates",
        "setWebhook",
        "deleteWebhook",
        "getWebhookInfo",
        "logOut",
        "close",
        "getManagedBotToken",
        "replaceManagedBotToken",
    )
)
OURS: Final = {STORED_FILE, TEXT_FILE, PROGRAM_FILE}
MOST_CALLS_WAITING: Final = 10_000  # of one bot; at 30 a second they take six minutes
FULL_SECONDS: Final = 10.0
LONGEST_ERROR: Final = 2000
FIRST_DELAY_SECONDS: Final = (
    2.0  # before a failed update is offered again; doubled each time, a lease at most
)


@dataclass(frozen=True)
class WantedCall:
    """A call of the Bot API as a worker wants it."""

    method: str
    params: Mapping[str, Any]


class WorkAnswers:
    """Takes the answers of the programs that ask one process."""

    def __init__(self, platform: Platform, giver: WorkGiver) -> None:
        self._platform = platform
        self._giver = giver

    def respond(
        self, worker: WorkerIdentity, lease: str, calls: Sequence[WantedCall], *, bounded: bool = True
    ) -> None:
        """Settle an update and have the calls sent, in one step, once however often it is repeated.

        Raises Conflict `lease_gone` when it is not held any more, InvalidInput for a call that there cannot be, RedisError; if
        `bounded` as `check_room`.
        """
        if bounded and calls:
            check_room(self._platform, worker)
        work = self._held(worker, lease)
        wanted = [self._call(worker, work, call) for call in calls]
        tried = is_trial(work.request_id)
        rings = settle(self._platform, worker, work, () if tried else wanted)
        if rings is None:
            raise _gone()
        if tried:
            answer = TrialAnswer(tuple({"method": each.method, "params": each.params} for each in calls))
            tell_trial(self._platform, worker.bot_id, work.request_id, answer)
        for each in rings:
            with suppress(RedisError):  # the reconciler rings again
                enqueue(self._platform.job_redis, JobName.DRAIN_OUTBOX, each)

    def respond_to_all(
        self, worker: WorkerIdentity, answers: Sequence[tuple[str, Sequence[WantedCall]]]
    ) -> list[str]:
        """`respond` for each lease with its calls; the leases that are not held any more, of which nothing is sent.

        Raises InvalidInput before any is settled, RedisError perhaps between two: repeating it does the rest.
        """
        for _, calls in answers:
            for call in calls:
                check_call(call)
        gone: list[str] = []
        for lease, calls in answers:
            try:
                self.respond(worker, lease, calls)
            except Conflict:
                gone.append(lease)
        return gone

    def fail(self, worker: WorkerIdentity, lease: str, error: str, *, again: bool = True) -> bool:
        """Give an update back; whether it will be offered again, after a while in which its chat waits.

        It becomes a dead letter after MOST_DELIVERIES, or at once without `again`. Raises Conflict `lease_gone`, Unavailable.
        """
        work = self._held(worker, lease)
        again = again and work.attempt + 1 < MOST_DELIVERIES
        if is_trial(work.request_id):
            said = TrialAnswer(error=error[:LONGEST_ERROR] or "it did not say why", again=again)
            tell_trial(self._platform, worker.bot_id, work.request_id, said)
        if again:
            delay = min(FIRST_DELAY_SECONDS * 2**work.attempt, float(worker.lease_seconds))
            if not queue_of(self._platform, worker).give_back(work, worker.lease_seconds, delay):
                raise _gone()
            return True
        if not queue_of(self._platform, worker).extend(work):
            raise _gone()  # before a letter is written of what somebody else has by now
        if not self._giver.give_up(worker, work, error[:LONGEST_ERROR] or "The worker failed", "worker"):
            raise _gone()
        return False

    def extend(self, worker: WorkerIdentity, lease: str) -> int:
        """Let a lease begin anew; how many seconds it lasts. Raises Conflict `lease_gone`."""
        if not queue_of(self._platform, worker).extend(self._held(worker, lease)):
            raise _gone()
        return worker.lease_seconds

    def send(self, worker: WorkerIdentity, call: WantedCall, *, bulk: bool) -> None:
        """Have a call sent that answers no update; a `bulk` one lets replies go first. Raises InvalidInput, RedisError,
        and as `check_room`.
        """
        check_call(call)
        check_room(self._platform, worker)
        priority = Priority.BULK if bulk else Priority.REPLY
        enqueue_call(self._platform, worker.bot_id, call.method, dict(call.params), priority)

    def _held(self, worker: WorkerIdentity, lease: str) -> Work:
        work = queue_of(self._platform, worker).read(lease)
        if work is None:
            raise _gone()
        return work

    def _call(self, worker: WorkerIdentity, work: Work, call: WantedCall) -> WorkCall:
        check_call(call)
        chat = str(call.params.get("chat_id", work.chat))
        slot = slot_of(call.method, call.params, Priority.REPLY, chat)
        wanted = {"method": call.method, "params": dict(call.params)}
        return WorkCall(*slot, work.request_id, dump_sealed(self._platform.vault, wanted, worker.bot_id))


def call_in(envelope: Any) -> tuple[WantedCall, Priority] | None:
    """The call in {"method", "params"}, which with `bulk` true lets replies go first; None for what has not this form. What else
    is there, such as a `bot_token`, is not looked at. Raises as `check_call`.
    """
    if not isinstance(envelope, dict):
        return None
    method, params = envelope.get("method"), envelope.get("params") or {}
    if not isinstance(method, str) or not isinstance(params, dict):
        return None
    call = WantedCall(method, params)
    check_call(call)
    return call, Priority.BULK if envelope.get("bulk") is True else Priority.REPLY


def check_call(call: WantedCall) -> None:
    """Raise InvalidInput `method_refused` for a method that is not the worker's to call, or that there cannot be; also for
    buttons that open what `check_link` refuses, `file_refused` for what would stand for a file of ours, and a chat to wait in, or
    something to answer, whose name cannot be stored.
    """
    if not METHOD.fullmatch(call.method) or call.method.lower() in REFUSED:
        raise InvalidInput(
            Text("A worker cannot call {method}", method=call.method[:64]),
            code="method_refused",
            field="method",
        )
    if any(isinstance(value, dict) and OURS & value.keys() for value in call.params.values()):
        raise InvalidInput(
            "A file is named by its file_id or address, or uploaded", code="file_refused", field="params"
        )
    places = ("chat_id", ANSWERS.get(call.method, ""))  # under which the call waits
    names = [str(call.params[name]) for name in places if name in call.params]
    if any(storable(name) != name for name in names):
        raise InvalidInput(
            "The chat, or what is answered, has a name with half a character or NUL", field="params"
        )
    check_buttons(call.params)


def check_room(platform: Platform, worker: WorkerIdentity) -> None:
    """Raise RateLimited `outbox_full` while so much waits in a bot's outbox that its program must not add to it. RedisError."""
    with platform.redis.pipeline(transaction=False) as pipe:
        for priority in OUTBOX_PRIORITIES:
            pipe.xlen(outbox(worker.bot_id, priority))
        waiting = sum(pipe.execute())
    if waiting >= MOST_CALLS_WAITING:
        raise RateLimited(
            Text("{waiting} calls of this bot wait to be sent already", waiting=waiting),
            code="outbox_full",
            retry_after=FULL_SECONDS,
        )


def _gone() -> Conflict:
    return Conflict(
        "Nobody holds this lease: it was answered already, or ran out and the update was offered again",
        code="lease_gone",
    )
