# mypy: disable-error-code="import-untyped"
"""One visit from the click to the last message, and the tally of all visits."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import gevent

from tools.sandbox.visitors.agents import ad_query, headers_of, pick_agent, proxy_headers
from tools.sandbox.visitors.wire import Wire

START_CHANCE = 0.6
"""Share of people who press Start; paid traffic into bots shows 0.4 to 0.8."""
KEEN_CHANCE = 0.75
"""The same for bots whose link promises more: something for an experiment to find out."""
WRITE_CHANCE = 0.7
PRESS_CHANCE = 0.6
BLOCK_CHANCE = 0.03
THINKING = (0.8, 4.0)
"""Seconds a person waits between two acts."""
PHRASES = (
    "Oi!",
    "Quanto custa?",
    "Como funciona?",
    "Tem foto?",
    "Aceita Pix?",
    "Quero entrar",
    "É seguro?",
    "Obrigado!",
    "Hello, is it available?",
    "kkkk",
    "Me manda o link",
    "Boa noite 😊",
)


@dataclass
class Tally:
    """What the visitors did so far."""

    counts: Counter[str] = field(default_factory=Counter)
    bots: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """One line for people."""
        acts = " ".join(
            f"{name}={self.counts[name]}"
            for name in (
                "clicks",
                "machines",
                "redirected",
                "failed",
                "starts",
                "messages",
                "presses",
                "blocks",
            )
        )
        spread = " ".join(f"@{name}={count}" for name, count in sorted(self.bots.items()))
        return f"{acts} | {spread or 'no bot yet'}"


class Visitor:
    """A person or machine who opens the link once."""

    def __init__(
        self,
        wire: Wire,
        tally: Tally,
        seed: int,
        pace: float = 1.0,
        keen: frozenset[str] = frozenset(),
    ) -> None:
        self._wire = wire
        self._tally = tally
        self._rng = random.Random(seed)
        self._pace = pace
        self._keen = keen

    def run(self) -> None:
        """Click; people then may press Start and chat."""
        agent = pick_agent(self._rng)
        headers = headers_of(agent, self._rng)
        if self._wire.proxied:
            headers |= proxy_headers(agent, self._rng)
        landing = self._wire.click(agent.method, headers, ad_query(agent, self._rng))
        self._tally.counts["clicks"] += 1
        if not landing.username:
            self._tally.counts["failed"] += 1
            return
        self._tally.counts["redirected"] += 1
        if not agent.human:
            self._tally.counts["machines"] += 1
            return
        self._tally.bots[landing.username] += 1
        self._think()
        if self._rng.random() < (KEEN_CHANCE if landing.username in self._keen else START_CHANCE):
            self._chat(landing.username, landing.payload)

    def _think(self) -> None:
        gevent.sleep(self._rng.uniform(*THINKING) * self._pace)

    def _chat(self, username: str, payload: str) -> None:
        made = self._wire.control("POST", "/users")
        if made is None:
            return
        chat = f"/chats/{made['user']['id']}/{username}"
        if self._wire.control("POST", f"{chat}/start", {"payload": payload}) is None:
            return
        self._tally.counts["starts"] += 1
        for _ in range(self._rng.randint(0, 3)):
            self._think()
            self._say_or_press(chat)
        if self._rng.random() < BLOCK_CHANCE and self._wire.control("POST", f"{chat}/block"):
            self._tally.counts["blocks"] += 1

    def _say_or_press(self, chat: str) -> None:
        button = self._find_button(chat)
        if button and self._rng.random() < PRESS_CHANCE:
            if self._wire.control("POST", f"{chat}/press", button):
                self._tally.counts["presses"] += 1
        elif self._rng.random() < WRITE_CHANCE:
            self._wire.control("POST", f"{chat}/send", {"text": self._rng.choice(PHRASES)})
            self._tally.counts["messages"] += 1

    def _find_button(self, chat: str) -> dict[str, object] | None:
        """A button of the newest message that has some."""
        transcript = self._wire.control("GET", chat) or {"messages": []}
        for message in reversed(transcript["messages"]):
            buttons = [button for row in message["buttons"] for button in row if button["data"]]
            if buttons and not message["deleted"]:
                return {"message_id": message["message_id"], "data": self._rng.choice(buttons)["data"]}
        return None
