"""Plugins that keep and look things up. Importing this module adds them to the catalogue of the process."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import PASS, Router
from services.core.times import utc_now
from services.fleet.plugin_catalogue import offer


class KeeperPlugin(BasePlugin):
    """Each command does with the store what its name says."""

    name = "keeper"

    def setup_handlers(self, router: Router) -> None:
        for name in (
            "visit",
            "raffle",
            "first",
            "fail",
            "busy",
            "forget",
            "stats",
            "swallow",
            "shout",
            "pay",
            "renege",
            "refund",
        ):
            router.command(name)(getattr(self, name))
        router.error()(self.failed)

    def visit(self, _message: Any, ctx: Context) -> None:
        """One more, said and kept."""
        visits = self.db.get("visits", 0) + 1
        self.db.set("visits", visits)
        ctx.send(f"visit {visits}")

    def raffle(self, _message: Any, ctx: Context) -> None:
        """By chance, and without looking first."""
        winner = secrets.token_hex(8)
        self.db.set("winner", winner)
        ctx.send(winner)
        ctx.update_data(winner=winner)

    def first(self, _message: Any, ctx: Context) -> None:
        """Says something the first time only."""
        if not self.db.get("greeted"):
            self.db.set("greeted", True)
            ctx.send("first")

    def fail(self, _message: Any, _ctx: Context) -> None:
        """Changes its mind too late."""
        self.db.set("visits", 1000)
        raise ValueError("on order")

    def busy(self, _message: Any, ctx: Context) -> None:
        """Is told to wait after it has written."""
        self.db.set("visits", 2000)
        with ctx.lock("taken"):
            ctx.send("never")

    def forget(self, _message: Any, ctx: Context) -> None:
        """Keeps nothing."""
        self.db.delete("visits")
        ctx.send("forgotten")

    def stats(self, _message: Any, ctx: Context) -> None:
        """What /stats tells: everybody, today's, and one's own name."""
        total = self.db.leads_count()
        today = self.db.leads_count(since=utc_now() - timedelta(days=1))
        own = self.db.lead(ctx.lead.telegram_id)
        ctx.send(f"{total} {today} {own.first_name if own else 'nobody'}")

    def pay(self, _message: Any, ctx: Context) -> None:
        """Tags the person, and tells what is known of them by then."""
        self.db.tag_lead(ctx.lead.telegram_id, "paid")
        ctx.goal("purchase", "9.90", "BRL")
        own = self.db.lead(ctx.lead.telegram_id)
        ctx.send(f"tags {own.tags if own else None}")

    def refund(self, _message: Any, ctx: Context) -> None:
        """Takes the tag off, and gives money back."""
        self.db.untag_lead(ctx.lead.telegram_id, "paid")
        ctx.untag("eager")
        ctx.goal("refund", "-9.90", "BRL")
        own = self.db.lead(ctx.lead.telegram_id)
        ctx.send(f"tags {own.tags if own else None}")

    def renege(self, _message: Any, ctx: Context) -> None:
        """Tags the person and fails."""
        self.db.tag_lead(ctx.lead.telegram_id, "reneged")
        ctx.goal("purchase", 5, "BRL")
        raise ValueError("on order")

    def swallow(self, _message: Any, ctx: Context) -> None:
        """Catches whatever comes."""
        try:
            visits = self.db.get("visits", 0)
        except BaseException:  # noqa: BLE001  # as some plugin will
            visits = -1000
        self.db.set("visits", visits + 1)
        ctx.send(f"swallowed {visits + 1}")

    def shout(self, message: Any, ctx: Context) -> object:
        """Writes and leaves the rest to others."""
        self.db.set("shouted", message.text)
        return PASS

    def failed(self, error: str, ctx: Context) -> None:
        """Counts what was given up."""
        self.db.set("given up", self.db.get("given up", 0) + 1)
        ctx.send(f"given up: {error}")


class OtherPlugin(BasePlugin):
    """Keeps things under the same names."""

    name = "other"

    def setup_handlers(self, router: Router) -> None:
        router.command("shout")(self.shout)

    def shout(self, _message: Any, ctx: Context) -> None:
        self.db.set("visits", "other")
        ctx.send(f"shouted {self.db.get('shouted')}")

    def on_load(self) -> None:
        self.db.set("loaded", True)


offer(KeeperPlugin, OtherPlugin)
