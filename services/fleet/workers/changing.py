"""Changes of a worker that is at work: its program, variables and bounds, and its copies started anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models import Bot, BotWorker
from services.core.errors import Conflict
from services.core.times import utc_now
from services.fleet.bots.signals import bot_changed
from services.fleet.workers.environment import sealed_environment
from services.fleet.workers.registry import NewWorker, changeable
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform


@dataclass(frozen=True)
class WorkerChange:
    """What is to be otherwise; None stays. A command takes the place of an image, and an image that of a command."""

    command: str | None = None
    image: str | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    environment: Mapping[str, str] | None = field(default=None, repr=False)

    def after(self, worker: BotWorker) -> NewWorker:
        """The worker as it would be, its code and variables only as far as they are new: what was allowed once stays so."""
        return NewWorker(
            command=self.command or "",
            image=self.image or "",
            min_replicas=worker.min_replicas if self.min_replicas is None else self.min_replicas,
            max_replicas=worker.max_replicas if self.max_replicas is None else self.max_replicas,
            environment=self.environment or {},
        )


def change_worker(
    platform: Platform, caller: Principal, bot_id: int | str, change: WorkerChange
) -> tuple[Bot, BotWorker]:
    """Change a worker; where copies run, they are replaced if they were told something else.

    Raises as `NewWorker.check`, and Conflict `worker_ending`.
    """
    with platform.database.transaction() as session:
        bot, worker = changeable(session, caller, bot_id)
        wanted = change.after(worker)
        wanted.check(caller)
        worker.min_replicas, worker.max_replicas = wanted.min_replicas, wanted.max_replicas
        if change.command is not None:
            worker.command, worker.image = change.command, worker.image if not change.command else ""
        if change.image is not None:
            worker.image, worker.command = change.image, worker.command if not change.image else ""
        details: dict[str, Any] = {}  # names of variables, never a value
        if change.environment is not None:
            worker.sealed_environment = sealed_environment(platform.vault, bot.id, change.environment)
            details["variables"] = sorted(change.environment)
        audit(session, caller, "worker_changed", account_id=bot.account_id, bot_id=bot.id, **details)
    bot_changed(platform, bot.id)
    return bot, worker


def restart_worker(platform: Platform, caller: Principal, bot_id: int | str) -> tuple[Bot, BotWorker]:
    """Have every copy of the bot's program replaced. Raises Conflict `worker_elsewhere` where none is started here."""
    with platform.database.transaction() as session:
        bot, worker = changeable(session, caller, bot_id)
        if not (worker.command or worker.image):
            raise Conflict("Its program runs elsewhere: start it anew there", code="worker_elsewhere")
        worker.restarted_at = utc_now()
        audit(session, caller, "worker_restarted", account_id=bot.account_id, bot_id=bot.id)
    bot_changed(platform, bot.id)
    return bot, worker
