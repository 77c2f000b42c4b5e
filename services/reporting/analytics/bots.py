"""The list of an account's bots: found by words, state, tag and pool, trouble first, a page at a time.

Two queries, however many bots there are: who is shown, how many there are of each kind and who is meant by "all of
these" take a look at all of them, and their rows are small without plugins.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, BotStatus, MemberStatus, PoolBot, RedirectPool
from services.core.i18n import Text
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

PAGE: Final = 50  # rows; what a telephone draws without a pause
TROUBLE: Final = "trouble"  # a state of the filter beside those of bots: who needs somebody
# Worst first. A member that is being checked is on its way, and no trouble.
WORST: Final = (MemberStatus.BANNED, MemberStatus.OFFLINE, MemberStatus.SUSPECT, MemberStatus.DEGRADED)
CALM: Final = len(WORST) + 1


@dataclass(frozen=True)
class BotFilter:
    """Which bots are wanted; "" and None leave a condition out. `state` is a BotStatus or TROUBLE, `page` counts from 1."""

    words: str = ""
    state: str = ""
    tag: str = ""
    pool_id: int | None = None
    page: int = 1


@dataclass(frozen=True)
class ListedBot:
    """A row of the list. `pools` are {id, name}; `rank` is 0 for the worst and CALM for who needs nobody."""

    id: int
    public_id: str
    telegram_bot_id: int
    username: str
    name: str
    mode: str
    status: str
    status_reason: Text
    desired_running: bool
    tags: list[str]
    pools: list[dict[str, Any]] = field(default_factory=list)
    rank: int = CALM

    def as_json(self) -> dict[str, Any]:
        """For the panel's scripts."""
        return {name: value for name, value in vars(self).items() if name != "rank"}


@dataclass(frozen=True)
class BotsPage:
    """A page of the list. `ids` are all bots that were found, on whatever page, in its order; `total` counts the account's.

    `states` and `tags` count what each choice of the filter would find by itself; `down` are all bots that failed.
    """

    bots: list[dict[str, Any]]
    ids: list[int]
    total: int
    page: int
    pages: int
    states: dict[str, int]
    tags: dict[str, int]
    down: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """For the panel's scripts."""
        return dict(vars(self))


def list_page(platform: Platform, caller: Principal, wanted: BotFilter) -> BotsPage:
    """A page of the caller's bots; beyond the last page the last one."""
    with platform.database.reading() as session:
        bots = _bots(session, caller.account_id)
    found = [bot for bot in bots if _is_wanted(bot, wanted)]
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(1, wanted.page), pages)
    return BotsPage(
        bots=[bot.as_json() for bot in found[(page - 1) * PAGE : page * PAGE]],
        ids=[bot.id for bot in found],
        total=len(bots),
        page=page,
        pages=pages,
        states=_states(bots),
        tags=dict(sorted(Counter(tag for bot in bots for tag in bot.tags).items())),
        down=[
            {"bot_id": bot.id, "username": bot.username, "state": bot.status}
            for bot in bots
            if bot.status == BotStatus.FAILED
        ],
    )


def _bots(session: Session, account_id: int) -> list[ListedBot]:
    """All of the account, trouble first, then oldest first."""
    columns = [getattr(Bot, name) for name in ListedBot.__dataclass_fields__ if name not in ("pools", "rank")]
    rows = session.execute(select(*columns).where(Bot.account_id == account_id)).all()
    pools, worst = _memberships(session, account_id)
    bots = [ListedBot(**row._mapping, pools=pools[row.id], rank=_rank(row, worst)) for row in rows]
    return sorted(bots, key=lambda bot: (bot.rank, bot.id))


def _memberships(
    session: Session, account_id: int
) -> tuple[Mapping[int, list[dict[str, Any]]], dict[int, int]]:
    """The pools of each bot, and the worst rank that it has in one of them."""
    query = (
        select(PoolBot.bot_id, PoolBot.status, RedirectPool.id, RedirectPool.name)
        .join(RedirectPool, PoolBot.pool_id == RedirectPool.id)
        .where(RedirectPool.account_id == account_id)
        .order_by(RedirectPool.id)
    )
    pools: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    worst: dict[int, int] = {}
    ranks = {str(status): rank for rank, status in enumerate(WORST, 1)}
    for bot_id, status, pool_id, name in session.execute(query):
        pools[bot_id].append({"id": pool_id, "name": name})
        worst[bot_id] = min(worst.get(bot_id, CALM), ranks.get(status, CALM))
    return pools, worst


def _rank(bot: Any, worst: Mapping[int, int]) -> int:
    """What is wrong with a bot in a pool is no trouble while its owner has stopped it."""
    if bot.status == BotStatus.FAILED:
        return 0
    return worst.get(bot.id, CALM) if bot.desired_running else CALM


def _states(bots: Sequence[ListedBot]) -> dict[str, int]:
    by_status = Counter(bot.status for bot in bots)
    return {TROUBLE: sum(bot.rank < CALM for bot in bots)} | {
        str(status): by_status[status] for status in BotStatus
    }


def _is_wanted(bot: ListedBot, wanted: BotFilter) -> bool:
    if wanted.state == TROUBLE:
        if bot.rank == CALM:
            return False
    elif wanted.state and bot.status != wanted.state:
        return False
    if wanted.tag and wanted.tag not in bot.tags:
        return False
    if wanted.pool_id is not None and all(pool["id"] != wanted.pool_id for pool in bot.pools):
        return False
    return _says(_searched(bot), wanted.words)


def _searched(bot: ListedBot) -> Iterable[str]:
    names = (bot.username, bot.name, bot.public_id, str(bot.telegram_bot_id))
    return (*names, *bot.tags, *(pool["name"] for pool in bot.pools))


def _says(texts: Iterable[str], words: str) -> bool:
    """Whether every one of the words stands in one of the texts, whatever its case and accents."""
    asked = [_plain(word.removeprefix("@")) for word in words.split()]
    if not asked:
        return True
    known = [_plain(text) for text in texts]
    return all(any(word in text for text in known) for word in asked)


def _plain(text: str) -> str:
    return "".join(
        letter
        for letter in unicodedata.normalize("NFD", text.casefold())
        if not unicodedata.combining(letter)
    )
