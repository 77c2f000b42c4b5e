"""What a run says while it goes on: how far it is and when it will be over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tools.chaos.load import Load
from tools.chaos.plan import Plan
from tools.chaos.recorder import Recorder
from tools.chaos.schedule import Wave

FIRST_GUESS_SECONDS = 6.0  # of an ordinary wave, until some were seen
GUESSES = 3  # waves that the first guess counts for


class Progress:
    """Begins with the first wave; `started` is what the start of the installation took, in seconds."""

    def __init__(self, plan: Plan, waves: Sequence[Wave], say: Callable[[str], None], started: float) -> None:
        self._plan = plan
        self._waves = waves
        self._say = say
        self._began = time.monotonic()
        self._kills = sum(wave.kills for wave in waves)
        say(
            f"installation up after {started:.0f} s; {len(waves)} waves with {plan.updates:,} updates and "
            f"{self._kills} kills, seed {plan.seed}; about {_clock(self._remaining(0))} min"
        )

    def tell(self, done: int, book: Recorder, load: Load) -> None:
        """Say that `done` waves are over."""
        kills = sum(wave.kills for wave in self._waves[:done])
        waiting = sum(each.word == "tell" and each.reply not in book.texts for each in load.told)
        latest = book.incidents[-max(1, len(self._waves[done - 1].faults)) :]
        words = ", ".join(f"{each.name} {each.victim}" for each in latest)
        gone = time.monotonic() - self._began
        self._say(
            f"{_clock(gone)} · wave {done}/{len(self._waves)} · kills {kills}/{self._kills} · "
            f"updates {len(load.told):,}/{self._plan.updates:,}, {waiting} unanswered · "
            f"{_clock(self._remaining(done))} to go · {words}"
        )

    def _remaining(self, done: int) -> float:
        """Seconds: the faults' own, and for each wave what the others took beside."""
        gone = time.monotonic() - self._began
        usual = max(0.0, gone - sum(wave.lasts for wave in self._waves[:done]))
        each = (usual + GUESSES * FIRST_GUESS_SECONDS) / (done + GUESSES)
        ahead = self._waves[done:]
        return sum(wave.lasts for wave in ahead) + each * len(ahead)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
