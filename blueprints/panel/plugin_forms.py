"""The built-in plugins' own words in the reader's language; a custom plugin speaks as its author wrote it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext

from services.core.i18n import N_
from services.fleet import plugin_catalogue

BUILT_IN_TEXTS = (
    N_("Welcome"),
    N_("Help"),
    N_("Echo"),
    N_("Errors"),
    N_("Answers /start with a welcome message"),
    N_("Answer to /start, HTML; {first_name}, {last_name}, {username}, {start_param}, {bot_name}"),
    N_("Answers /start and /menu with buttons"),
    N_("Answer to /start and /menu, above the buttons, HTML; variables as in the welcome message"),
    N_("The buttons, one below the other, and what they answer"),
    N_("The button below an answer"),
    N_("Answers /help with a list of commands"),
    N_("First line, plain text"),
    N_("The commands and what they do"),
    N_("Repeats what people write"),
    N_("Repeat every text, not only /echo <text>"),
    N_("Apologises when something goes wrong, with an error code"),
    N_("Show the error's code to the person, for asking support"),
    N_("Notify the bot's owner in the panel"),
)
LABELS = {
    "welcome_message": N_("Welcome message"),
    "greeting": N_("Greeting"),
    "buttons": N_("Buttons"),
    "label": N_("Label"),
    "answer": N_("Answer"),
    "back": N_("Way back"),
    "header": N_("Header"),
    "commands": N_("Commands"),
    "command": N_("Command"),
    "description": N_("Description"),
    "echo_all": N_("Repeat everything"),
    "show_error_id": N_("Show the error code"),
    "notify_admins": N_("Notify me"),
}
LONG_TEXT = 300  # characters from which on a text gets a box of several lines


def plugin_forms() -> list[dict[str, Any]]:
    """Every plugin with its title, its description and its fields as the form draws them."""
    return [
        {
            "name": plugin["name"],
            "title": _translated(plugin["title"]),
            "description": _translated(plugin["description"]),
            "fields": [_field(field) for field in plugin["fields"]],
        }
        for plugin in plugin_catalogue.describe()
    ]


def _field(field: dict[str, Any]) -> dict[str, Any]:
    columns = _columns(field)
    schema = field["schema"]
    return {
        "name": field["name"],
        "label": _label(field["name"], schema),
        "hint": _translated(field["description"]),
        "default": field["default"],
        "kind": _kind(field, columns),
        "columns": [{"name": name, "label": _label(name, {})} for name in columns],
        "max": schema.get("maxLength"),
    }


def _kind(field: dict[str, Any], columns: list[str]) -> str:
    if field["type"] == "array":
        return "rows" if columns else "json"
    if field["type"] == "string":
        return "long" if field["schema"].get("maxLength", LONG_TEXT) >= LONG_TEXT else "text"
    return {"boolean": "switch", "integer": "number", "number": "number"}.get(field["type"], "json")


def _columns(field: dict[str, Any]) -> list[str]:
    """The columns of a list of records, known by its default."""
    default = field["default"]
    is_records = isinstance(default, list) and bool(default) and isinstance(default[0], dict)
    return [str(name) for name in default[0]] if is_records else []


def _label(name: str, schema: dict[str, Any]) -> str:
    known = LABELS.get(name)
    return gettext(known) if known else str(schema.get("title", name))


def _translated(text: str) -> str:
    return gettext(text) if text in BUILT_IN_TEXTS else text
