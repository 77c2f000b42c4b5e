"""What ten plugins cost over one: the worker's CPU for updates that the last of ten answers, over those of one alone.

A real worker with both bots; rounds by turns, the same messages for each, and the ratio of the sums of CPU time. The handlers
reply nothing: what is not routing is as small as it can be, and the ratio as large.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from models import Bot
from services.core.environment import load_settings
from services.fleet.plugin_loading.versions import hash_of
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.pipeline_systems import counted_valkey, environ_of
from tools.benchmarks.servers import NOWHERE, cpu_seconds, process
from tools.servers.fleet import accept_all, add_bot, message
from tools.servers.process_tree import family

PLUGINS = 10
CHATS = 200
LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 120.0
SOURCE = '''from plugins.base import BasePlugin
from plugins.states import State, StatesGroup


class Steps(StatesGroup):
    first = State()
    second = State()


class Asked(BasePlugin):
    """Has what a plugin usually has: commands, buttons, a form's states, words, a pattern."""

    name = "{name}"

    def setup_handlers(self, router):
        router.command("{name}", "{name}_list")(self.handle)
        router.callback("{name}")(self.handle)
        router.state(Steps.first, Steps.second)(self.handle)
        router.text("{name}", "price of {name}")(self.handle)
        router.regex(r"^order {name} (\\d+)$")(self.handle)
        {last}

    def handle(self, message, ctx):
        pass


plugin = Asked
'''


def source_of(number: int) -> str:
    """The file of a plugin; the last one wants every text."""
    last = "router.text()(self.handle)" if number == PLUGINS else "pass"
    return SOURCE.format(name=f"asked{number}", last=last)


@dataclass
class Round:
    """CPU seconds of the worker for the updates of each bot, by round."""

    updates: int
    one: list[float] = field(default_factory=list)
    ten: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Of all rounds together."""
        return sum(self.ten) / sum(self.one)

    def figure(self, load: float) -> Figure:
        """The row of the table."""
        each = [sum(cpu) / len(cpu) / self.updates * 1e6 for cpu in (self.one, self.ten)]
        detail = f"{len(self.one)} rounds of {self.updates} updates each; {each[0]:.0f} and {each[1]:.0f} µs an update"
        what = f"an update through {PLUGINS} plugins over one through 1, CPU of the worker"
        return Figure(what, round(self.ratio, 3), "", 1.3, 1.1, detail=detail, load=load)


@contextmanager
def house(folder: Path, log: Path = NOWHERE) -> Iterator[tuple[Platform, int, Bot, Bot]]:
    """Valkey and a worker, the worker's process id, a bot with one plugin and one with ten."""
    plugins = folder / "custom"
    plugins.mkdir(parents=True)
    names = [f"asked{number}" for number in range(1, PLUGINS + 1)]
    for number, name in enumerate(names, 1):
        (plugins / f"{name}.py").write_text(source_of(number))
    with ExitStack() as stack:
        redis_url, _ = stack.enter_context(counted_valkey(folder))
        environ = {**environ_of(folder, redis_url, 1), "PLUGINS_DIR": str(plugins)}
        platform = Platform(load_settings(environ))
        schema.upgrade(platform)
        one, ten = (_bot(platform, number, chosen) for number, chosen in enumerate((names[-1:], names), 1))
        pid = stack.enter_context(process([sys.executable, "-m", "jobs.worker"], environ, log))
        yield platform, pid, one, ten


def _bot(platform: Platform, number: int, names: list[str]) -> Bot:
    identity = {"id": 7000 + number, "username": f"bot{number}_bot", "token": f"{7000 + number}:" + "A" * 35}
    return add_bot(platform, identity, tuple((name, {}) for name in names))


def run(folder: Path, rounds: int, updates: int, log: Path = NOWHERE) -> Round:
    """The rounds by turns, after one of each that does not count. RuntimeError unless the last plugin handled each update."""
    measured = Round(updates)
    with house(folder, log) as (platform, pid, one, ten):
        for number in range(rounds + 1):
            pair = [(one, measured.one), (ten, measured.ten)]
            for bot, into in pair if number % 2 else pair[::-1]:
                seconds = _handle(platform, pid, bot, number * updates, updates)
                if number:
                    into.append(seconds)
        _check(platform, source_of(PLUGINS), 2 * (rounds + 1) * updates)
    return measured


def _check(platform: Platform, source: str, updates: int) -> None:
    """Raise RuntimeError unless a version has handled so many updates, as its worker says within a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    key, handled = keys.plugin_outcomes(hash_of(source.encode())), 0
    while handled < updates:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{handled} of {updates} updates were handled")
        time.sleep(LOOK_SECONDS)
        handled = int(platform.redis.hget(key, "handled") or 0)


def _handle(platform: Platform, pid: int, bot: Bot, first: int, updates: int) -> float:
    """CPU seconds that the worker takes for so many updates of a bot."""
    before = sum(map(cpu_seconds, family(pid)))
    texts = [message(first + n + 1, n % CHATS + 1, f"hello {n}") for n in range(updates)]
    accept_all(platform, bot, texts)
    deadline = time.monotonic() + PATIENCE_SECONDS
    lanes = [keys.update_lane(lane) for lane in range(platform.settings.update_lanes)]
    while any(platform.redis.xlen(lane) for lane in lanes):
        if time.monotonic() > deadline:
            raise RuntimeError("the worker did not handle all updates")
        time.sleep(LOOK_SECONDS)
    return sum(map(cpu_seconds, family(pid))) - before


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--updates", type=int, default=3000, help="in a round, for each bot")
    options = parser.parse_args()
    load = machine_load()
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        figure = run(Path(name) / "house", options.rounds, options.updates).figure(load)
    print_table([figure])
    return int(figure.verdict == "MISSED")


if __name__ == "__main__":
    sys.exit(main())
