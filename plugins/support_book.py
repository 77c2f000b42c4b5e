"""What `support` keeps: who writes in which topic, and which message is whose copy. No plugin by itself.

Keys: `person:<id>` (topic, what waits for one, the last copies), `topic:<thread>` and `reply:<message>` -> person,
`answers:<id>` (the last answers). Of each person the last hundred messages of either side can be edited and replied to.
"""

from __future__ import annotations

from typing import Any, Final

from plugins.database import PluginDatabase

REMEMBERED: Final = 100  # messages of either side, per person
MOST_WAITING: Final = 50  # messages that wait for a topic
COPIED: Final = frozenset(
    (
        "text",
        "photo",
        "video",
        "animation",
        "audio",
        "voice",
        "video_note",
        "document",
        "sticker",
        "contact",
        "location",
        "venue",
        "dice",
        "story",
    )
)  # types of content that copyMessage takes


class SupportBook:
    """The book of one bot's support, in the plugin's store."""

    def __init__(self, db: PluginDatabase) -> None:
        self._db = db

    def knows(self, person: int) -> bool:
        """Whether the person wrote before."""
        return self._db.get(f"person:{person}") is not None

    def met(self, person: int) -> None:
        """Remember that the person wrote."""
        if not self.knows(person):
            self._write(person, self._read(person))

    def topic_of(self, person: int) -> int:
        """The person's topic, 0 for none."""
        return int(self._read(person)["topic"])

    def wait(self, person: int, message: int, now: float, patience: float) -> bool:
        """Have a message wait for a topic; True when one is to be asked for: nobody did, or an answer is overdue."""
        found = self._read(person)
        found["waiting"] = [*found["waiting"], message][-MOST_WAITING:]
        is_due: bool = now - found["asked"] >= patience
        found["asked"] = now if is_due else found["asked"]
        self._write(person, found)
        return is_due

    def take_waiting(self, person: int) -> list[int]:
        """What waits for a topic, which it does no more."""
        found = self._read(person)
        waiting: list[int] = found["waiting"]
        self._write(person, {**found, "waiting": [], "asked": 0.0})
        return waiting

    def open(self, person: int, topic: int) -> None:
        """The person's topic is this one."""
        self._write(person, {**self._read(person), "topic": topic})
        self._db.set(f"topic:{topic}", person)

    def close(self, person: int, topic: int) -> None:
        """The topic is gone, unless the person has another by now."""
        found = self._read(person)
        if found["topic"] == topic:
            self._write(person, {**found, "topic": 0, "asked": 0.0})
        self._db.delete(f"topic:{topic}")

    def person_in(self, topic: int) -> int:
        """Whose topic it is, 0 for nobody's."""
        return int(self._db.get(f"topic:{topic}", 0))

    def person_behind(self, copy: int) -> int:
        """Whose message this is the copy of, 0 for nobody's."""
        return int(self._db.get(f"reply:{copy}", 0))

    def copied(self, person: int, message: int, copy: int, *, is_headed: bool) -> None:
        """A message of the person's became `copy` among the operators; `is_headed`: below a line that says whose it is."""
        found = self._read(person)
        copies = [*found["copies"], [message, copy, is_headed]]
        for _, old, _ in copies[:-REMEMBERED]:
            self._db.delete(f"reply:{old}")
        self._write(person, {**found, "copies": copies[-REMEMBERED:]})
        self._db.set(f"reply:{copy}", person)

    def copy_of(self, person: int, message: int) -> tuple[int, bool] | None:
        """The copy of a message of the person's, and whether it is headed; None when it is not known any more."""
        for number, copy, is_headed in reversed(self._read(person)["copies"]):
            if number == message:
                return int(copy), bool(is_headed)
        return None

    def delivered(self, person: int, answer: int, copy: int) -> None:
        """An operator's answer became `copy` in the person's chat."""
        found = [*self._db.get(f"answers:{person}", []), [answer, copy]]
        self._db.set(f"answers:{person}", found[-REMEMBERED:])

    def answer_of(self, person: int, answer: int) -> int:
        """The copy of an operator's answer in the person's chat, 0 when it is not known any more."""
        found = dict(self._db.get(f"answers:{person}", []))
        return int(found.get(answer, 0))

    def _read(self, person: int) -> dict[str, Any]:
        kept = self._db.get(f"person:{person}", {})
        return {"topic": 0, "asked": 0.0, "waiting": [], "copies": [], **kept}

    def _write(self, person: int, found: dict[str, Any]) -> None:
        self._db.set(f"person:{person}", found)
