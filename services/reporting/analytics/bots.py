"""The list of an account's bots: found by words, state, tag and pool, trouble first, a page at a time.

Three queries, however many bots there are: who is shown, how many there are of each kind and who is meant by "all of
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
from services.fleet.bots.views import describe
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.bot_condition import conditions_of

PAGE: Final = 50  # rows; what a telephone draws without a pause
TROUBLE: Final = "trouble"  # a state of the filter beside those of bots: who needs somebody
# Worst first. A member that is being checked is on its way, and no trouble.
WORST: Final = (
    MemberStatus.BANNED,
    MemberStatus.OFFLINE,
    BotStatus.FAILED,
    MemberStatus.SUSPECT,
    MemberStatus.DEGRADED,
)
CALM: Final = len(WORST)
JOINED: Final = ("pools", "state", "cause")  # what a row has that is no column of the bot


@dataclass(frozen=True)
class BotFilter:
    """Which bots are wanted; "" and None leave a condition out. `state` is that of a row or TROUBLE, `page` counts from 1."""

    words: str = ""
    state: str = ""
    tag: str = ""
    pool_id: int | None = None
    page: int = 1


@dataclass(frozen=True)
class ListedBot:
    """A row of the list. `pools` are {id, name}; `state` and `cause` its condition, as on every page."""

    id: int
    public_id: str
    telegram_bot_id: int
    username: str
    name: str
    mode: str
    status: str
    status_reason: Text
    status_cause: str
    desired_running: bool
    tags: list[str]
    declared_in: str
    is_manager: bool
    pools: list[dict[str, Any]] = field(default_factory=list)
    state: str = ""
    cause: str = ""

    @property
    def rank(self) -> int:
        """0 for the worst, CALM for who needs nobody; a bot that its owner has stopped is no trouble."""
        return WORST.index(self.state) if self.desired_running and self.state in WORST else CALM


@dataclass(frozen=True)
class BotsPage:
    """A page of the list. `ids` are all bots that were found, on whatever page, in its order; `total` counts the account's.

    `states` and `tags` count what each choice of the filter would find by itself.
    """

    bots: list[dict[str, Any]]
    ids: list[int]
    total: int
    page: int
    pages: int
    states: dict[str, int]
    tags: dict[str, int]

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
        bots=[vars(bot) for bot in found[(page - 1) * PAGE : page * PAGE]],
        ids=[bot.id for bot in found],
        total=len(bots),
        page=page,
        pages=pages,
        states=_states(bots),
        tags=dict(sorted(Counter(tag for bot in bots for tag in bot.tags).items())),
    )


def _bots(session: Session, account_id: int) -> list[ListedBot]:
    """All of the account, trouble first, then oldest first."""
    columns = [getattr(Bot, name) for name in ListedBot.__dataclass_fields__ if name not in JOINED]
    rows = session.execute(select(*columns).where(Bot.account_id == account_id)).all()
    pools, conditions = _pools(session, account_id), conditions_of(session, rows)
    bots = [ListedBot(**row._mapping, pools=pools[row.id], **conditions[row.id]) for row in rows]
    return sorted(bots, key=lambda bot: (bot.rank, bot.id))


def _pools(session: Session, account_id: int) -> Mapping[int, list[dict[str, Any]]]:
    """The pools of each bot."""
    query = (
        select(PoolBot.bot_id, RedirectPool.id, RedirectPool.name)
        .join(RedirectPool, PoolBot.pool_id == RedirectPool.id)
        .where(RedirectPool.account_id == account_id)
        .order_by(RedirectPool.id)
    )
    pools: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for bot_id, pool_id, name in session.execute(query):
        pools[bot_id].append({"id": pool_id, "name": name})
    return pools


def _states(bots: Sequence[ListedBot]) -> dict[str, int]:
    return {TROUBLE: sum(bot.rank < CALM for bot in bots), **Counter(bot.state for bot in bots)}


def _is_wanted(bot: ListedBot, wanted: BotFilter) -> bool:
    if wanted.state == TROUBLE:
        if bot.rank == CALM:
            return False
    elif wanted.state and bot.state != wanted.state:
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


def bot_with_condition(platform: Platform, bot: Bot) -> dict[str, Any]:
    """One bot as the API describes it, with its condition."""
    with platform.database.reading() as session:
        return {**describe(bot), **conditions_of(session, [bot])[bot.id]}
