"""The versions of the plugin that the reload benchmark saves, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FILE = "bench.py"
NAME = "bench"
SOURCE = '''import os
import time

from plugins.base import BasePlugin

VERSION = "{number}"
LOADED = int(time.monotonic() * 1000)
{before}


def said():
    return VERSION


class Bench(BasePlugin):
    """Says which version handles, as seen from everywhere, before and after others had their turn."""

    name = "bench"
    version = VERSION

    def setup_handlers(self, router):
        router.text()(self.answer)

    def answer(self, message, ctx):
        parts = [VERSION, self.version]
        time.sleep(0.002)
        {body}
        parts += [said(), VERSION, type(self).version]
        ctx.send(f"{{message.text}}.{{'-'.join(parts)}}.{{os.getpid()}}.{{LOADED}}", parse_mode=None)


plugin = Bench
'''
BROKEN = (
    "def broken(:",
    "raise ValueError('on order')",
    "import sys; sys.exit(1)",
    "os._exit(1)",
    "raise BaseException('on order')",
)
ENDLESS = "while True: pass"
SLOW = "time.sleep(0.3)"
FAILS = "raise ValueError('on order')"


class Manner(StrEnum):
    """What a version does wrong."""

    RIGHT = "right"
    SLOW = "slow"  # to import
    BROKEN = "broken"  # cannot be imported
    ENDLESS = "endless"  # its import never ends
    CRASHING = "crashing"  # its handlers fail


@dataclass(frozen=True)
class Written:
    """A version and its source."""

    number: int
    manner: Manner

    @property
    def source(self) -> str:
        """Its text."""
        before = {
            Manner.SLOW: SLOW,
            Manner.ENDLESS: ENDLESS,
            Manner.BROKEN: BROKEN[self.number // 5 % len(BROKEN)],
        }
        body = FAILS if self.manner is Manner.CRASHING else "pass"
        return SOURCE.format(number=self.number, before=before.get(self.manner, ""), body=body)


def manner_of(number: int) -> Manner:
    """Of a hundred versions 65 are right, 20 broken, 10 slow, 4 crash at work and one never ends to be imported."""
    if number % 100 == 50:
        return Manner.ENDLESS
    if number % 25 == 13:
        return Manner.CRASHING
    if number % 10 == 7:
        return Manner.SLOW
    return Manner.BROKEN if number % 5 == 0 else Manner.RIGHT
