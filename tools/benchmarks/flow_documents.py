"""Flows made by chance, and edits of them, as their owner makes them: whole again after each."""

from __future__ import annotations

from random import Random
from typing import Any

from plugins.flows.document import FlowDocument

WAITS = (30, 60, 120, 300)  # seconds of follow-ups and waits
Draft = dict[str, dict[str, Any]]  # steps by key, the start first


class Author:
    """Writes a flow and goes on editing it. Keys of new steps were never there before."""

    def __init__(self, chance: Random, steps: int = 12) -> None:
        self._chance = chance
        self._made = 0
        self.steps: Draft = {}
        for _ in range(steps):
            self._add()
        for step in self.steps.values():
            self._rewrite(step)

    @property
    def document(self) -> FlowDocument:
        """The flow as it stands."""
        steps = list(self.steps.values())
        return FlowDocument.model_validate({"start": steps[0]["key"], "steps": steps})

    def edit(self) -> dict[str, str | None]:
        """Change something; where the people of steps go that are gone by now."""
        moves: dict[str, str | None] = {}
        what = self._chance.choice(("add", "remove", "remove", "rewrite", "rewrite"))
        if what == "add" or len(self.steps) < 4:
            self._rewrite(self._add())
        elif what == "remove":
            moves = self._remove(self._chance.choice([*self.steps][1:]))
        else:
            self._rewrite(self._chance.choice([*self.steps.values()]))
        return moves

    def restore(self, document: FlowDocument) -> dict[str, str | None]:
        """Bring a former version back; where the people of steps go that it does not have."""
        former = [step.model_dump(mode="json") for step in document.steps]
        gone = [key for key in self.steps if document.step(key) is None]
        self.steps = {step["key"]: step for step in former}
        return {key: self._place() for key in gone}

    def _add(self) -> dict[str, Any]:
        self._made += 1
        key = f"s{self._made}"
        self.steps[key] = {"key": key, "messages": [{"text": key}]}
        return self.steps[key]

    def _remove(self, key: str) -> dict[str, str | None]:
        del self.steps[key]
        for step in self.steps.values():
            if key in str(step):
                self._rewrite(step)
        return {key: self._place()}

    def _place(self) -> str | None:
        """Another step, or now and then the end."""
        return None if self._chance.random() < 0.1 else self._step()

    def _step(self) -> str:
        return self._chance.choice([*self.steps])

    def _rewrite(self, step: dict[str, Any]) -> None:
        """New buttons, replies, follow-ups and ways on. At once it goes to later steps alone: no circle waits for nobody."""
        chance, keys = self._chance, [*self.steps]
        later = keys[keys.index(step["key"]) + 1 :]
        buttons = [
            [{"kind": "step", "text": "go", "step": self._step()}] for _ in range(chance.randrange(1, 4))
        ]
        step["messages"] = [{"text": step["key"], "buttons": buttons}]
        step["replies"] = [{"equals": "yes", "step": self._step()}] if chance.random() < 0.5 else []
        step["follow_ups"] = [
            {"after": chance.choice(WAITS), "step": self._step(), "unless": chance.choice(([], ["reply"]))}
            for _ in range(chance.randrange(3))
        ]
        step["after"] = step["then"] = None
        way = chance.random()
        if way < 0.15 and later:
            step["then"] = {"kind": "goto", "step": chance.choice(later)}
        elif way < 0.4:
            step["after"] = chance.choice(WAITS)
            step["then"] = {"kind": "goto", "step": self._step()}
        elif way < 0.45:
            step["then"] = {"kind": "end"}
