"""The texts of a bot, all of them at once: read as one file, changed by one, with what would change shown first."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import ValidationError
from typing_extensions import TypedDict

from models import Bot
from plugins.texts import text_places
from services.core.answer_types import Sentence
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.fleet.bots.choices import PluginChoice, problems_of, rows_of
from services.fleet.bots.declaration import refuse_declared
from services.fleet.bots.registry import get_bot, locked
from services.fleet.bots.signals import bot_changed
from services.fleet.configuration import text_file
from services.fleet.configuration.text_file import ReadText, TextProblem
from services.fleet.plugin_catalogue import catalogue, present_config
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform

Place = tuple[str | int, ...]


class TextChange(TypedDict):
    """A text that becomes another one; `path` is as in the file's header."""

    path: str
    old: str
    new: str


class TextsPlan(TypedDict):
    """What a file changes. `plan` is the digest of these changes, by which they are made; `applied`: they were."""

    changes: list[TextChange]
    plan: str
    applied: bool


class TextProblemView(TypedDict):
    """A mistake in a file of texts: its line there, 0 for what hangs on none, and a stable code."""

    line: int
    code: str
    detail: Sentence


@dataclass(frozen=True)
class _Plugin:
    """The present configuration of one plugin of a bot, and where in it texts are, by header."""

    config: dict[str, Any]
    places: dict[str, Place]


def texts_file(platform: Platform, caller: Principal, bot_id: int | str) -> str:
    """Every text of the caller's bot as `text_file` writes it. A plugin that cannot be loaded now has none."""
    return text_file.written(_texts(_plugins(get_bot(platform, caller, bot_id))))


def change_texts(
    platform: Platform, caller: Principal, bot_id: int | str, document: str, *, if_plan: str | None
) -> TextsPlan:
    """What `document` changes of the bot's texts; changed all together where `if_plan` is the plan that was shown.

    Raises InvalidInput for a file that is not whole (`texts_missing`, `texts_unknown` and those of `text_file.read`) or a
    text that saving refuses, Conflict `plan_changed` when the changes are no longer those of the plan, and as `refuse_declared` does.
    """
    with platform.database.transaction() as session:
        # Before the file is read: a bot of somebody else is not found either way.
        bot = locked(session, caller, bot_id)
        refuse_declared(bot)
        plugins = _plugins(bot)
        wanted, problems = _read(plugins, document)
        if problems:
            raise problems[0].error
        changes = _changes(_texts(plugins), wanted)
        configs = _changed_configs(plugins, changes)
        plan = _digest(changes)
        if if_plan is None or not changes:
            return {"changes": changes, "plan": plan, "applied": False}
        if if_plan != plan:
            raise Conflict("Something changed since these changes were shown", code="plan_changed")
        for row in bot.plugins:
            if row.name in configs:
                (new,) = rows_of([configs[row.name]])
                row.config, row.config_version = new.config, new.config_version
        bot.config_version += 1
        paths = [change["path"] for change in changes][:100]
        audit(session, caller, "bot_texts_set", account_id=bot.account_id, bot_id=bot.id, paths=paths)
    bot_changed(platform, bot.id)
    return {"changes": changes, "plan": plan, "applied": True}


def check_texts(
    platform: Platform, caller: Principal, bot_id: int | str, document: str
) -> list[TextProblemView]:
    """All that is against making `document` the texts of the caller's bot, in the order of its lines; changes nothing."""
    _, problems = _read(_plugins(get_bot(platform, caller, bot_id)), document)
    return [{"line": each.line, "code": each.error.code, "detail": each.error.text} for each in problems]


def _plugins(bot: Bot) -> dict[str, _Plugin]:
    return dict(_readable(bot))


def _readable(bot: Bot) -> Iterator[tuple[str, _Plugin]]:
    for row in bot.plugins:
        known = catalogue().plugins.get(row.name)
        if known is None:
            continue
        try:
            config = known.config_model.model_validate(
                present_config(row.name, row.config, row.config_version)
            )
        except ValidationError:  # the plugin's file changed; the panel's form says what is wrong
            continue
        places = {".".join(map(str, (row.name, *place))): place for place in text_places(config)}
        yield row.name, _Plugin(config.model_dump(mode="json"), places)


def _texts(plugins: Mapping[str, _Plugin]) -> dict[str, str]:
    return {
        header: str(_at(plugin.config, place))
        for plugin in plugins.values()
        for header, place in plugin.places.items()
    }


def _read(plugins: Mapping[str, _Plugin], document: str) -> tuple[dict[str, ReadText], list[TextProblem]]:
    """The texts of the file, and every mistake in it, by line."""
    present = _texts(plugins)
    wanted, problems = text_file.read(document)
    for place, found in wanted.items():
        if place not in present:
            sentence = Text("Line {line}: the bot has no text {place}", line=found.header_line, place=place)
            error = InvalidInput(sentence, code="texts_unknown", field="document")
            problems.append(TextProblem(found.header_line, error))
    missing = [place for place in present if place not in wanted]
    if missing:
        sentence = Text("The file lacks {place}", place=", ".join(missing[:5]))
        problems.append(TextProblem(0, InvalidInput(sentence, code="texts_missing", field="document")))
    configs = _changed_configs(plugins, _changes(present, wanted))
    problems.extend(_placed(error, wanted) for choice in configs.values() for error in problems_of([choice]))
    return wanted, sorted(problems, key=lambda each: each.line or sys.maxsize)


def _placed(error: InvalidInput, wanted: Mapping[str, ReadText]) -> TextProblem:
    """What is against a text, or against the plugin with it, with lines counted from the file's beginning."""
    field = error.field or ""
    found = wanted.get(field)
    if found is None:  # a part of the configuration that is made of several texts
        within = (text for place, text in wanted.items() if place.startswith(f"{field}."))
        return TextProblem(next((text.header_line for text in within), 0), error)
    inside = error.text.values.get("line")
    if not isinstance(inside, int):
        return TextProblem(found.header_line, error)
    line = found.line + inside - 1
    return TextProblem(line, InvalidInput(_at_line(error, line), code=error.code, field=field))


def _at_line(error: InvalidInput, line: int) -> Text:
    return error.text.with_values(line=line)


def _changes(present: Mapping[str, str], wanted: Mapping[str, ReadText]) -> list[TextChange]:
    return [
        {"path": place, "old": old, "new": wanted[place].text}
        for place, old in present.items()
        if place in wanted and old != wanted[place].text
    ]


def _changed_configs(plugins: Mapping[str, _Plugin], changes: list[TextChange]) -> dict[str, PluginChoice]:
    """What is to be saved of each plugin with a changed text. Switched off in the choice alone: what a plugin needs beside
    it does not hang on its texts."""
    new = {change["path"]: change["new"] for change in changes}
    configs: dict[str, PluginChoice] = {}
    for name, plugin in plugins.items():
        touched = [header for header in plugin.places if header in new]
        config = copy.deepcopy(plugin.config)
        for header in touched:
            *parents, last = plugin.places[header]
            _at(config, tuple(parents))[last] = new[header]
        if touched:
            configs[name] = PluginChoice(name, False, config)
    return configs


def _at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def _digest(changes: list[TextChange]) -> str:
    return sha256(json.dumps(changes).encode()).hexdigest()
