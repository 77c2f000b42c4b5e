"""A bot's configuration as one document: what files, exports and pools say, in the words of the YAML files.

`Behaviour` is what several bots can share; the rest of a `BotConfiguration` is one bot's own. Neither holds a token.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from models import AccessList, Bot, BotPlugin
from services.core.identifiers import LARGEST_ID
from services.core.moments import NamedMoment
from services.core.states import BotMode, FsmStrategy
from services.core.times import utc_now
from services.fleet.bots import access_rules
from services.fleet.bots.access import FIELDS, rules_of
from services.fleet.bots.choices import MOST_PLUGINS, PluginChoice
from services.fleet.plugin_catalogue import present_config

# Of a person, or of a chat that people write as.
TelegramId = Annotated[int, Field(ge=-LARGEST_ID, le=LARGEST_ID, strict=True)]


class Part(BaseModel):
    """A part of the document: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Sending(Part):
    """How texts go out that say nothing else."""

    parse_mode: Literal["HTML", "MarkdownV2", ""] = Field(
        "HTML", description="of texts that name no other; empty: plain text"
    )
    disable_web_page_preview: bool = Field(False, description="no preview of links in texts")


class Plugin(Part):
    """One plugin; its place in the list is its place in the routing."""

    name: str = Field(max_length=50, description="name of an installed plugin")
    enabled: bool = Field(True, description="false: kept here, but switched off")
    config: dict[str, Any] = Field(default_factory=dict, description="the plugin's own settings")


class RateLimiting(Part):
    """How often one person may turn to the bot."""

    enabled: bool = Field(True, description="false: no limit per person")
    default_rate: float | None = Field(
        None, gt=0, le=10_000, description="updates a minute in the long run; empty: USER_RATE_PER_MINUTE"
    )
    burst_size: int | None = Field(
        None, ge=1, le=10_000, description="updates at once; empty: USER_RATE_BURST"
    )


class Webhook(Part):
    """How Telegram delivers to a bot in the mode webhook."""

    path: str = Field(
        "", pattern=r"^(/[A-Za-z0-9_-]{1,63})?$", description="readable end of its address, such as /support"
    )
    max_connections: int = Field(40, ge=1, le=100, description="deliveries at once")


class Behaviour(Part):
    """What a bot says and does, which several bots can have in common."""

    settings: Sending = Field(default_factory=Sending, description="how texts go out that say nothing else")
    plugins: list[Plugin] = Field(
        default_factory=list, max_length=MOST_PLUGINS, description="in the order in which they are asked"
    )
    rate_limiting: RateLimiting = Field(
        default_factory=RateLimiting, description="how often one person may turn to the bot"
    )
    fsm_strategy: FsmStrategy = Field(
        FsmStrategy.USER_IN_CHAT,
        description="whose a conversation is: a person's per chat, a person's, a chat's",
    )


class AccessEntry(Part):
    """One person in a list, perhaps for a time."""

    user: TelegramId = Field(description="the person's Telegram id")
    until: NamedMoment | None = Field(None, description="when the entry ends; empty: never")
    note: str = Field("", max_length=200, description="why, for your own memory")


class AccessLists(Part):
    """Who may turn to the bot. A person is a Telegram id, or {user, until, note}."""

    allowed_users: list[TelegramId | AccessEntry] = Field(
        default_factory=list, description="empty: everybody"
    )
    blocked_users: list[TelegramId | AccessEntry] = Field(default_factory=list, description="never answered")
    admin_users: list[TelegramId | AccessEntry] = Field(
        default_factory=list, description="this bot's own administrators"
    )
    maintenance: bool = Field(False, description="everybody but administrators gets maintenance_message")
    maintenance_message: str = Field(
        "", max_length=1000, description="empty: a text in the person's language"
    )
    captcha: bool = Field(False, description="new people tap an emoji before the bot answers")


class BotConfiguration(Behaviour):
    """Everything that is configured of one bot but its token, its owner and its place in pools."""

    name: str = Field(min_length=1, max_length=64, description="display name, for you")
    description: str = Field("", max_length=512, description="what the bot is for, for you")
    enabled: bool = Field(True, description="whether it runs")
    mode: BotMode | None = Field(
        None, description="how updates arrive; empty: webhook where WEBHOOK_BASE_URL is set, else polling"
    )
    webhook: Webhook = Field(default_factory=Webhook, description="for the mode webhook alone")
    access: AccessLists = Field(default_factory=AccessLists, description="who may turn to the bot")


def behaviour_of(bot: Bot) -> Behaviour:
    """What `bot`, whose plugins are loaded, says and does now."""
    return Behaviour(
        settings=Sending(parse_mode=bot.parse_mode, disable_web_page_preview=bot.disable_web_page_preview),
        plugins=[_plugin(row) for row in bot.plugins],
        rate_limiting=RateLimiting(
            enabled=bot.limits_people, default_rate=bot.rate_per_minute, burst_size=bot.rate_burst
        ),
        fsm_strategy=FsmStrategy(bot.fsm_strategy),
    )


def configuration_of(session: Session, bot: Bot) -> BotConfiguration:
    """All that is configured of `bot`, whose plugins are loaded; entries of its access that have ended are left out."""
    return BotConfiguration(
        **dict(behaviour_of(bot)),
        name=bot.name or bot.username,
        description=bot.description,
        enabled=bot.desired_running,
        mode=BotMode(bot.mode),
        webhook=Webhook(path=bot.webhook_path, max_connections=bot.max_connections),
        access=_access(session, bot),
    )


def choices_of(behaviour: Behaviour) -> list[PluginChoice]:
    """Its plugins as `choices.rows_of` takes them."""
    return [PluginChoice(each.name, each.enabled, each.config) for each in behaviour.plugins]


def _plugin(row: BotPlugin) -> Plugin:
    config = present_config(row.name, row.config, row.config_version)
    return Plugin(name=row.name, enabled=row.enabled, config=config)


def _access(session: Session, bot: Bot) -> AccessLists:
    rules = rules_of(session, bot, utc_now())
    lists = {FIELDS[name]: [_entry(each) for each in rules.lists.of(name)] for name in AccessList}
    return AccessLists(
        **lists,
        maintenance=rules.maintenance,
        maintenance_message=rules.maintenance_message,
        captcha=rules.captcha,
    )


def _entry(entry: access_rules.AccessEntry) -> int | AccessEntry:
    """The bare id where nothing else is said."""
    if entry.until is None and not entry.note:
        return entry.telegram_id
    return AccessEntry(user=entry.telegram_id, until=entry.until, note=entry.note)
