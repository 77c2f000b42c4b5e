"""What came of a broadcast's messages: from the answers that outboxes leave in a stream. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from models import RecipientStatus
from services.alerts.dead_letters.store import without_quotes
from services.core.errors import Rejected
from services.core.i18n import Text
from services.platform.telegram.refusals import RefusalClass, lead_state, refusal_class

LONGEST_CAUSE: Final = 80  # characters of the column


@dataclass(frozen=True)
class Outcome:
    """What became of one person. `message_id` is the message that they got."""

    status: RecipientStatus
    cause: str = ""
    message_id: int | None = None

    @property
    def is_bad(self) -> bool:
        """Whether the brake counts it."""
        return self.status in (RecipientStatus.BLOCKED, RecipientStatus.FAILED)

    @property
    def is_known(self) -> bool:
        """Whether it says anything of how people take the broadcast."""
        return self.is_bad or self.status is RecipientStatus.SENT


def read_outcome(text: str) -> Outcome:
    """The outcome that an outbox noted."""
    answer: dict[str, Any] = json.loads(text)
    if answer.get("ok"):
        return Outcome(RecipientStatus.SENT, message_id=answer.get("message_id"))
    if answer.get("halted"):
        return Outcome(RecipientStatus.WAITING)
    words = str(answer.get("description", ""))
    if answer.get("uncertain"):
        return Outcome(RecipientStatus.UNCERTAIN, "no_answer")
    return _refused(words, int(answer.get("error_code", 0)), str(answer.get("method", "")))


def _refused(words: str, error_code: int, method: str) -> Outcome:
    error = Rejected(Text.verbatim(words), error_code=error_code)
    if refusal_class(error, method) is RefusalClass.PERSON_GONE:
        return Outcome(RecipientStatus.BLOCKED, lead_state(error))
    cause = f"{error_code} {without_quotes(words)}" if error_code else words
    return Outcome(RecipientStatus.FAILED, cause[:LONGEST_CAUSE])
