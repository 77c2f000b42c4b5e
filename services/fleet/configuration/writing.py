"""Bringing a bot to what a document says, and what that would change. Nothing here commits or announces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, BotPlugin
from services.core.times import utc_now
from services.fleet.bots import access_rules
from services.fleet.bots.access import AccessChange, write_access
from services.fleet.bots.choices import rows_of
from services.fleet.bots.registry import checked_mode
from services.fleet.configuration.document import (
    AccessEntry,
    AccessLists,
    Behaviour,
    BotConfiguration,
    choices_of,
)
from services.fleet.flows.users import refuse_unknown
from services.platform.platform import Platform

MOST_PATHS: Final = 100  # of a change, in its audit entry
ABSENT: Final = None  # the one side of a change that adds or takes away
Document = TypeVar("Document", bound=Behaviour)


@dataclass(frozen=True)
class Change:
    """One difference: where, as `plugins.start.config.welcome_message`, and both sides as JSON; None where there is nothing."""

    path: str
    old: Any
    new: Any


class ValueChange(TypedDict):
    """One difference: where, as `plugins.start.config.welcome_message`, and both sides; null where there is nothing."""

    path: str
    old: Any
    new: Any


def checked(document: Document) -> Document:
    """`document` with its plugins' configurations as they are stored, defaults filled in; InvalidInput for a wrong one."""
    rows = rows_of(choices_of(document))
    plugins = [
        each.model_copy(update={"config": row.config})
        for each, row in zip(document.plugins, rows, strict=True)
    ]
    return document.model_copy(update={"plugins": plugins})


def write_behaviour(session: Session, bot: Bot, behaviour: Behaviour) -> None:
    """Have a locked bot, whose plugins are loaded, say and do this; InvalidInput naming plugin and value.

    In the caller's transaction, who calls `bot_changed` after it.
    """
    write_behaviours(session, [bot], behaviour)


def write_behaviours(session: Session, bots: Sequence[Bot], behaviour: Behaviour) -> None:
    """As `write_behaviour` for several, in as many statements as for one."""
    rows = rows_of(choices_of(behaviour))
    for account_id in {bot.account_id for bot in bots}:
        refuse_unknown(session, account_id, rows)
    for bot in bots:
        bot.plugins.clear()
    session.flush()  # the old rows go first: a name is unique per bot
    for bot in bots:
        bot.plugins.extend(map(_copy, rows))
        bot.parse_mode = behaviour.settings.parse_mode
        bot.disable_web_page_preview = behaviour.settings.disable_web_page_preview
        bot.limits_people = behaviour.rate_limiting.enabled
        bot.rate_per_minute = behaviour.rate_limiting.default_rate
        bot.rate_burst = behaviour.rate_limiting.burst_size
        bot.fsm_strategy = behaviour.fsm_strategy
        bot.config_version += 1


def write_configuration(
    platform: Platform, session: Session, bot: Bot, configuration: BotConfiguration
) -> None:
    """As `write_behaviour`, and what is the bot's own: name, state, mode, webhook, access. Other errors as those of
    `checked_mode` and `write_access`.

    Whoever starts a bot by this has called `start_slowly` before the bot was locked.
    """
    write_behaviour(session, bot, configuration)
    bot.name, bot.description = configuration.name, configuration.description
    bot.desired_running = configuration.enabled
    bot.mode = checked_mode(platform, configuration.mode)
    bot.webhook_path = configuration.webhook.path
    bot.max_connections = configuration.webhook.max_connections
    now = utc_now()
    write_access(session, bot, _access(configuration.access, now), now)


def changes(old: Behaviour, new: Behaviour) -> list[Change]:
    """What is different in `new`, by path: plugins matched by name, people in lists by their id. Both as `checked` left them."""
    before, after = _comparable(old), _comparable(new)
    return [*_differences("", before, after), *_new_order(old, new)]


def _copy(row: BotPlugin) -> BotPlugin:
    return BotPlugin(
        position=row.position,
        name=row.name,
        enabled=row.enabled,
        config=row.config,
        config_version=row.config_version,
    )


def as_json(different: Iterable[Change]) -> list[ValueChange]:
    """Changes as programs see them."""
    return [{"path": one.path, "old": one.old, "new": one.new} for one in different]


def _access(lists: AccessLists, now: datetime) -> AccessChange:
    """A document's access as it is written; entries that have ended are over, not wrong."""

    def entries(given: Iterable[int | AccessEntry]) -> list[access_rules.AccessEntry]:
        return [entry for entry in map(_entry, given) if entry.is_in_force(now)]

    return AccessChange(
        allowed=entries(lists.allowed_users),
        blocked=entries(lists.blocked_users),
        admins=entries(lists.admin_users),
        maintenance=lists.maintenance,
        maintenance_message=lists.maintenance_message,
        captcha=lists.captcha,
    )


def _entry(given: int | AccessEntry) -> access_rules.AccessEntry:
    if isinstance(given, int):
        return access_rules.AccessEntry(given)
    return access_rules.AccessEntry(given.user, given.until, given.note)


def _comparable(document: Behaviour) -> dict[str, Any]:
    """The document as nested mappings: what is matched by a name or an id is under it."""
    plain = document.model_dump(mode="json")
    plain["plugins"] = {
        each["name"]: {"enabled": each["enabled"], "config": each["config"]} for each in plain["plugins"]
    }
    if isinstance(document, BotConfiguration):
        now = utc_now()
        for name in ("allowed_users", "blocked_users", "admin_users"):
            entries = [_entry(each) for each in getattr(document.access, name)]
            plain["access"][name] = {
                str(each.telegram_id): {"until": each.until and each.until.isoformat(), "note": each.note}
                for each in entries
                if each.is_in_force(now)
            }
    return plain


def _differences(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            yield from _differences(
                f"{path}.{key}" if path else key, old.get(key, ABSENT), new.get(key, ABSENT)
            )
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{path}.{index}", one, other)
    elif old != new:
        yield Change(path, old, new)


def _new_order(old: Behaviour, new: Behaviour) -> list[Change]:
    """That the plugins which both have are asked in another order."""
    before, after = ([each.name for each in one.plugins] for one in (old, new))
    kept_before = [name for name in before if name in after]
    kept_after = [name for name in after if name in before]
    return [] if kept_before == kept_after else [Change("plugins", before, after)]
