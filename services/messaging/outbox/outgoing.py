"""A message in an outbox."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from services.alerts.dead_letters.store import Failure
from services.core.errors import TelegramError
from services.messaging.outbox.call_answers import answer_update
from services.platform.redis.keys import OUTBOX_PRIORITIES

SIGNS = {"answer": "a", "reply": "0", "bulk": "1"}  # in names kept in Redis; older releases wrote the digits
# Answers to somebody who looks at a spinning button or a payment sheet: method -> what it answers. Telegram takes a
# callback's for some seconds, a checkout's for ten, and counts none of them against its sending limits.
ANSWERS = {
    "answerCallbackQuery": "callback_query_id",
    "answerPreCheckoutQuery": "pre_checkout_query_id",
    "answerShippingQuery": "shipping_query_id",
    "answerInlineQuery": "inline_query_id",
}
MESSAGES = ("send", "edit", "forward", "copy")  # methods that begin so count as messages for pacing
NO_MESSAGES = frozenset({"sendChatAction"})


@dataclass
class OutboxMessage:
    """One call waiting in a bot's outbox. `text` is {"method", "params", perhaps "then"} as JSON with tokens opened."""

    entry_id: str
    bot_id: int
    chat: str
    rank: int
    request_id: str
    text: str
    uncertain: int = 0  # sends whose outcome is unknown; like the next, remembered beyond this process's life
    server_errors: int = 0
    never_sent: int = 0  # of this process: it decides how long to wait, not when to give up
    counted_at: float = 0.0  # when it was last counted against the sending limits, epoch s
    migrated: bool = False
    was_in_flight: bool = (
        False  # its sender died while it may have been under way (known for at_most_once bots)
    )
    in_flight: bool = False  # on record as under way
    failed_for_good: TelegramError | None = (
        None  # given up for this, whether or not its dead letter is written yet
    )
    halted: bool = False  # its broadcast was paused, stopped or braked before it left
    newer: bool = False  # of a release that this code does not understand
    answer: dict[str, Any] | None = None  # what came of it, where a plugin waits for it
    sent: Any = None  # what Telegram answered to the sending, where the bot keeps messages
    keeps: bool = False  # the bot does
    recorded: bool = False  # it is kept, or about to be
    failures: tuple[Failure, ...] = ()  # of this process; those of a crashed one are only counted

    @cached_property
    def call(self) -> dict[str, Any]:
        """The method, its parameters, and who wants the answer; of a newer release whatever it wrote."""
        if self.newer:
            return {"unread": self.text}
        try:
            call = json.loads(self.text)
            then = call.get("then")
            kept = {"then": then} if isinstance(then, dict) else {}
            return {"method": str(call["method"]), "params": dict(call["params"]), **kept}
        except (
            ValueError,
            KeyError,
            TypeError,
        ):  # then Telegram knows no such method, and it becomes a dead letter
            return {"method": "", "params": {}, "unread": self.text}

    @property
    def method(self) -> str:
        """The Bot API method."""
        return str(self.call["method"])

    @property
    def attempts(self) -> int:
        """Failed attempts that are known."""
        return self.uncertain + self.server_errors + self.never_sent

    @property
    def broadcast_id(self) -> int:
        """The broadcast that it is one message of, whose ledger hears what came of it; 0 for any other call."""
        then = None if self.newer else self.call.get("then")
        return int(then.get("broadcast", 0)) if then else 0

    @property
    def broadcast_rate(self) -> int:
        """How many messages a second of its bot the broadcast sends; 0 for any other call, and for those of older releases."""
        return int(self.call["then"].get("per_second", 0)) if self.broadcast_id else 0

    @property
    def halted_by(self) -> int:
        """The broadcast whose pause keeps it back; 0 for none. What a step of a flow says is not torn apart: who has entered it hears it all."""
        return 0 if self.broadcast_id and self.call["then"].get("entered") else self.broadcast_id

    @property
    def flight_id(self) -> str:
        """Its name among all of its bot's outboxes, in the journal of sends under way for example."""
        return flight_id_of(self.rank, self.entry_id)

    @property
    def may_have_arrived(self) -> bool:
        """Whether it must not be sent again, whatever happens: its dead letter alone is still to be written."""
        return self.failed_for_good is not None and self.failed_for_good.may_have_arrived

    @property
    def is_message(self) -> bool:
        """Whether Telegram's sending limits count it."""
        return (
            not self.newer
            and self.failed_for_good is None
            and self.method.startswith(MESSAGES)
            and self.method not in NO_MESSAGES
        )

    @property
    def is_paid(self) -> bool:
        """Whether its owner pays in Stars for what goes beyond the free limit."""
        return not self.newer and self.call["params"].get("allow_paid_broadcast") is True

    @property
    def age_seconds(self) -> float:
        """Seconds since it was put into the outbox."""
        return max(0.0, time.time() - int(self.entry_id.partition("-")[0]) / 1000)

    @property
    def paced_chat(self) -> str:
        """The chat that it counts for at Telegram: the one it waited for, or what that has become."""
        return str(self.call["params"]["chat_id"]) if self.migrated else self.chat

    def note_answer(self, outcome: Mapping[str, Any]) -> None:
        """Keep what came of the call, for the plugin that wants to know; what nobody asked for is dropped."""
        self.answer = dict(outcome) if "then" in self.call else None

    def note_sent(self, result: Any, *, keeps: bool) -> None:
        """Keep Telegram's answer for the plugin that wants to know, and where the bot `keeps` messages for the inbox."""
        self.note_answer({"ok": True, "result": result})
        if keeps:
            self.keeps, self.sent = True, result

    def answer_update(self) -> dict[str, Any]:
        """The update that brings the answer to the plugin."""
        return answer_update(self.call["then"], self.method, self.answer or {}, (self.entry_id, self.rank))

    def migrate(self, chat_id: int) -> None:
        """The group became another chat; send it there, without a reference to a message of the former one."""
        params = self.call["params"]
        params["chat_id"] = chat_id
        params.pop("reply_to_message_id", None)
        if "chat_id" not in (params.get("reply_parameters") or ()):
            params.pop("reply_parameters", None)
        self.migrated = True


def slot_of(method: str, params: Mapping[str, Any], priority: str, chat: str) -> tuple[str, str]:
    """Priority and chat under which a call waits: an answer goes before all others and stands in nobody's order."""
    answered = ANSWERS.get(method)
    if answered is None:
        return priority, chat
    return "answer", f"answer:{params.get(answered, '')}"


def flight_id_of(rank: int, entry_id: str) -> str:
    """The name of an entry among all outboxes of its bot: entries of one moment share their id."""
    return f"{SIGNS[OUTBOX_PRIORITIES[rank]]}:{entry_id}"
