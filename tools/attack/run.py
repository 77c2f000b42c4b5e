"""A run: installations one after the other, each attacked by all that can share it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from tools.attack.result import POSTGRESQL, SQLITE, Attack, Impossible, Row, Size
from tools.attack.target import Target, target

ALIVE = "no program ends by itself"
# TRUSTED_PROXIES: both ways of deployment are attacked, one with each database.
PROXIES = {SQLITE: "0", POSTGRESQL: "1"}


def run(
    folder: Path, attacks: Sequence[Attack], databases: Sequence[str], size: Size, say: Callable[[str], None]
) -> Iterator[Row]:
    """The rows of `attacks` on each of `databases`, as they are found."""
    for kind in databases:
        chosen = [attack for attack in attacks if kind in attack.databases]
        shared = [attack for attack in chosen if not attack.prepared]
        groups = [shared, *([attack] for attack in chosen if attack.prepared)]
        for number, group in enumerate(filter(None, groups)):
            place = folder / f"{kind}-{number}"
            place.mkdir(mode=0o755)
            try:
                with group[0].prepared(place) if group[0].prepared else nullcontext():
                    yield from _group(place, kind, group, size, say)
            except Impossible as error:
                yield Row("nothing", "-", None, str(error), group[0].name, kind)


def _group(
    folder: Path, kind: str, attacks: Sequence[Attack], size: Size, say: Callable[[str], None]
) -> Iterator[Row]:
    say(f"starting an installation on {kind} in {folder}")
    with target(folder, kind, TRUSTED_PROXIES=PROXIES[kind]) as place:
        for attack in attacks:
            began = time.monotonic()
            yield from rows_of(place, attack, size)
            say(f"  {attack.name}: {time.monotonic() - began:.1f} s")


def rows_of(place: Target, attack: Attack, size: Size) -> Iterator[Row]:
    """The attack's rows, and one more when it raised, or left something dead."""
    deaths = len(place.keeper.own_deaths)
    found: list[Row] = []
    try:
        found += attack.run(place, size)
        died = [name for _, name in place.keeper.own_deaths[deaths:]]
        if died:
            found.append(Row("", ALIVE, False, f"ended: {', '.join(died)}"))
    except Exception as error:  # noqa: BLE001  # the next attack is made all the same
        found.append(Row("", "the attack comes to its end", False, f"{type(error).__name__}: {error}"[:300]))
    for row in found:
        yield replace(row, attack=attack.name, database=place.kind)


def run_short(
    folder: Path, attacks: Sequence[Attack], size: Size, say: Callable[[str], None]
) -> Iterator[Row]:
    """The rows of `attacks`, each on one database."""
    for kind in PROXIES:
        place = folder / kind
        place.mkdir(mode=0o755)
        yield from run(place, [attack for attack in attacks if attack.short_on == kind], [kind], size, say)
