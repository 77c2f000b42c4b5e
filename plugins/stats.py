"""Says how many people the bot knows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.markup import HTML
from plugins.router import PASS, Router

STATS = {
    "pt": "📊 <b>Estatísticas</b>\n\nTotal de usuários: {total}\nHoje: {today}\nÚltimos 7 dias: {week}",
    "en": "📊 <b>Statistics</b>\n\nTotal users: {total}\nToday: {today}\nLast 7 days: {week}",
}
WEEK = timedelta(days=7)


class StatsConfig(PluginConfig):
    """Configuration of `stats`."""

    admin_users: list[int] = Field(
        default_factory=list,
        max_length=100,
        description="Telegram ids of those who may ask beside the bot's administrators; empty: everybody",
    )
    timezone: str = Field("UTC", max_length=64, description="When a day begins, such as America/Sao_Paulo")

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            raise PydanticCustomError(
                "time_zone_unknown", "This is no time zone such as America/Sao_Paulo"
            ) from None
        return name


class StatsPlugin(BasePlugin):
    """Answers /stats with the number of people: all, today's, those of the last seven days."""

    name = "stats"
    title = "Statistics"
    description = "Answers /stats with how many people the bot knows"
    author = "Flotilla"
    config_model = StatsConfig

    def setup_handlers(self, router: Router) -> None:
        """Take /stats."""
        router.command("stats")(self._stats)

    def _stats(self, _message: Any, ctx: Context) -> object:
        admins = self.get_config("admin_users")
        if admins and not ctx.is_admin and ctx.lead.telegram_id not in admins:
            return PASS
        midnight = ctx.now.astimezone(ZoneInfo(self.get_config("timezone"))).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        counts = {
            "total": self.db.leads_count(),
            "today": self.db.leads_count(since=midnight),
            "week": self.db.leads_count(since=ctx.now - WEEK),
        }
        ctx.send(ctx.translate(STATS).format(**counts), parse_mode=HTML)
        return None


plugin = StatsPlugin
