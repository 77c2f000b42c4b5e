"""An owner with a pool, his destinations, and a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from models import NotificationDelivery, NotificationDestination
from services.alerts.notifications.fields import NewDestination, Quiet, Rule
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.alerts.notifications.registry import Made, create_destination
from services.alerts.notifications.sending import deliver_due
from services.alerts.notifications.texts import parameters_of
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.health.world import Moving, add_account, add_bot, add_pool

GROUPED = 6.0  # seconds after which what was told together is sent


@dataclass
class Owner:
    """An account with one pool of one bot."""

    platform: Platform
    caller: Principal
    pool_id: int
    bot_id: int
    clock: Moving = field(default_factory=Moving)
    numbers: Any = field(default_factory=count)

    def tell(self, kind: Kind, **params: Any) -> bool:
        """Notify of `kind` about the pool and its bot, now."""
        known = {"bot": "x", "pool": "P", "health": 75, "online": 3, "total": 4, **params}
        filled = {name: known.get(name, "") for name in parameters_of(kind)}
        with self.platform.database.transaction() as session:
            return notify(
                session,
                self.caller.account_id,
                kind,
                kind.level,
                f"{kind}:{next(self.numbers)}",
                filled,
                pool_id=self.pool_id,
                bot_id=self.bot_id,
                at=self.clock(),
            )

    def webhook(self, url: str, *, quiet: Quiet | None = None, rules: tuple[Rule, ...] = ()) -> Made:
        """A new webhook destination."""
        new = NewDestination("webhook", name="Hook", url=url, quiet=quiet, rules=rules)
        return create_destination(self.platform, self.caller, new)

    def send(self, seconds: float = GROUPED, chance: float = 0.5) -> int:
        """Let `seconds` pass and send what is due; how many messages arrived."""
        self.clock.now += timedelta(seconds=seconds)
        return deliver_due(self.platform, clock=self.clock, chance=lambda: chance)

    def deliveries(self) -> list[NotificationDelivery]:
        """All deliveries, oldest first."""
        with self.platform.database.reading() as session:
            return list(session.scalars(select(NotificationDelivery).order_by(NotificationDelivery.id)))

    def statuses(self) -> list[str]:
        """Their statuses."""
        return [row.status for row in self.deliveries()]

    def destination(self, destination_id: int) -> NotificationDestination:
        """The row as it is now."""
        with self.platform.database.reading() as session:
            return session.get_one(NotificationDestination, destination_id)


def make_owner(platform: Platform) -> Owner:
    """An owner with a pool of one bot."""
    with platform.database.transaction() as session:
        account = add_account(session)
        bot = add_bot(session, account, 1)
        pool = add_pool(session, account, [bot])
        return Owner(platform, Principal(account.id, f"account:{account.id}"), pool.id, bot.id)
