"""A bot's whole configuration as one YAML document: taken out, and brought in with what would change shown first."""

from __future__ import annotations

import json
from hashlib import sha256

from typing_extensions import TypedDict

from models import Bot
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.core.outcomes import only
from services.fleet.bots.declaration import refuse_declared
from services.fleet.bots.registry import checked_mode, get_bot, locked_each
from services.fleet.bots.signals import bot_changed
from services.fleet.configuration.document import BotConfiguration, configuration_of
from services.fleet.configuration.writing import (
    MOST_PATHS,
    ValueChange,
    as_json,
    changes,
    write_configuration,
)
from services.fleet.declared.bot_file import read_configuration
from services.fleet.declared.problems import FileRefused
from services.fleet.declared.schema import modeline
from services.fleet.declared.yaml_writer import written
from services.fleet.flows.users import refuse_unknown
from services.fleet.pools.members import start_slowly
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform


class ConfigurationPlan(TypedDict):
    """What a document changes. `plan` is the digest of it, by which it is carried out; `applied`: it was."""

    changes: list[ValueChange]
    plan: str
    applied: bool


def configuration_file(platform: Platform, caller: Principal, bot_id: int | str, base_url: str) -> str:
    """The bot's configuration, without its token: with `id` and `token` added it is a bot's file. Raises NotFound, and
    Conflict `declared_in_file`: what came out of variables stays in the installation. `base_url`: where an editor finds the schema."""
    with looking(platform, caller) as session:
        bot = get_owned(session, caller, Bot, bot_id)
        refuse_declared(bot, behaviour=False)
        document = configuration_of(session, bot)
    return written(document, modeline(base_url))


def change_configuration(
    platform: Platform, caller: Principal, bot_id: int | str, document: str, *, if_plan: str | None
) -> ConfigurationPlan:
    """What a document changes of the bot; changed, all of it together, where `if_plan` is the plan that was shown.

    Raises NotFound, InvalidInput for a document with a mistake (its line and column are said), Conflict `plan_changed`,
    those of `refuse_declared` and those of `write_configuration`.
    """
    get_bot(platform, caller, bot_id)  # a bot of somebody else is not found, whatever the document is
    wanted = _read(platform, document)
    starts = (
        start_slowly if if_plan is not None and wanted.enabled else None
    )  # what is only shown starts nothing
    with platform.database.transaction() as session:
        bot = only(locked_each(session, caller, [bot_id], before=starts))
        refuse_declared(bot)
        refuse_unknown(session, bot.account_id, wanted.plugins)
        views = as_json(changes(configuration_of(session, bot), wanted))
        plan = sha256(json.dumps(views, sort_keys=True).encode()).hexdigest()[:32]
        if if_plan is not None and if_plan != plan:
            raise Conflict("Something changed since these changes were shown", code="plan_changed")
        if if_plan is None or not views:
            return {"changes": views, "plan": plan, "applied": False}
        write_configuration(platform, session, bot, wanted)
        paths = [view["path"] for view in views][:MOST_PATHS]
        audit(
            session, caller, "bot_configuration_set", account_id=bot.account_id, bot_id=bot.id, changed=paths
        )
    bot_changed(platform, bot.id)
    return {"changes": views, "plan": plan, "applied": True}


def _read(platform: Platform, document: str) -> BotConfiguration:
    try:
        wanted = read_configuration(document.encode("utf-8", "surrogatepass"))
    except FileRefused as refused:
        first = refused.problems[0]
        reason = Text(
            "Line {line}, column {column}: {reason}",
            line=first.place.line,
            column=first.place.column,
            reason=first.reason,
        )
        raise InvalidInput(reason, code=first.code, field="document") from None
    return wanted.model_copy(update={"mode": checked_mode(platform, wanted.mode)})
