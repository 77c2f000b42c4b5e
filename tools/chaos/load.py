"""What people write: numbered texts in every chat of every bot, some delivered twice, some that kill, fail or cannot be read."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

from tools.chaos.plan import Plan
from tools.chaos.telegram import Telegram

FIRST_PERSON = 6_200_000_000
TICKS = 10  # portions of a wave
REDELIVERED = 0.05  # share of updates that come a second time with the same update_id


@dataclass(frozen=True)
class Told:
    """One text: where, its number in the chat, when it was sent in (epoch s), and the count it should meet (0: none)."""

    bot: str
    chat: int
    number: int
    at: float
    count: int
    word: str = "tell"
    slowly: bool = False  # its handler takes its time

    @property
    def text(self) -> str:
        """What was written."""
        return f"{self.word} {self.chat} {self.number}{' slowly' * self.slowly}"

    @property
    def reply(self) -> str:
        """The one right answer."""
        return f"{self.bot} {self.text} = {self.count}"


class Load:
    """Sends texts into the sandbox and keeps the book of them. The same persons write to all bots."""

    def __init__(self, telegram: Telegram, bots: list[str], plan: Plan) -> None:
        self._telegram = telegram
        self._random = random.Random(plan.seed)
        self._plan = plan
        self._places = [(bot, FIRST_PERSON + number) for bot in bots for number in range(plan.chats)]
        self._numbers = dict.fromkeys(self._places, 0)
        self._counts = dict.fromkeys(self._places, 0)
        self._lock = threading.Lock()
        self.told: list[Told] = []
        self.redelivered = 0

    def wave(self, size: int, seconds: float, special: str = "", *, slowly: bool = False) -> None:
        """Send `size` texts in over `seconds`; with `special` one of them is that word; `slowly`: the others take their time."""
        places = [self._places[(len(self.told) + index) % len(self._places)] for index in range(size)]
        self._random.shuffle(places)
        began = time.monotonic()
        for tick in range(TICKS):
            portion = places[tick * size // TICKS : (tick + 1) * size // TICKS]
            words = {0: special} if special and tick == 0 else {}
            self._send(portion, words, slowly)
            time.sleep(max(0.0, began + (tick + 1) * seconds / TICKS - time.monotonic()))

    def _send(self, places: list[tuple[str, int]], words: dict[int, str], slowly: bool) -> None:
        by_bot: dict[str, list[Told]] = {}
        for index, place in enumerate(places):
            by_bot.setdefault(place[0], []).append(self._next(place, words.get(index, "tell"), slowly))
        for bot, told in by_bot.items():
            with self._lock:
                self.told += told
            answer = self._telegram.post(f"/updates/{bot}", updates=[_update(each) for each in told])
            again = [
                {"update_id": identity, **_update(each)}
                for identity, each in zip(answer["update_ids"], told, strict=True)
                if self._random.random() < REDELIVERED
            ]
            if again:
                self._telegram.post(f"/updates/{bot}", updates=again)
                self.redelivered += len(again)

    def _next(self, place: tuple[str, int], word: str, slowly: bool) -> Told:
        self._numbers[place] += 1
        if word == "tell":
            self._counts[place] += 1
        count = self._counts[place] if word == "tell" else 0
        return Told(*place, self._numbers[place], time.time(), count, word, slowly and word == "tell")


def _update(told: Told) -> dict[str, object]:
    person = {"id": told.chat, "is_bot": False, "first_name": "Ana", "language_code": "pt-br"}
    chat = {"id": told.chat, "type": "private", "first_name": "Ana"}
    message = {"message_id": told.number, "date": int(told.at), "from": person, "chat": chat}
    if told.word == "odd":  # without its date the library does not understand it
        del message["date"]
    return {"message": {**message, "text": told.text}}
