"""The JSON Schema of a bot's file, by which an editor completes, explains and checks it."""

from __future__ import annotations

import copy
from typing import Any, Final

from plugins.base import BasePlugin
from services.fleet.declared.bot_file import BotFile
from services.fleet.plugin_catalogue import catalogue

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PATH: Final = "/schema/bot.json"


def bot_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) with the configuration of every plugin that is installed."""
    schema = copy.deepcopy(BotFile.model_json_schema())
    plugins = sorted(catalogue().plugins.items())
    plugin = schema["$defs"]["Plugin"]
    plugin["properties"]["name"] |= {"enum": [name for name, _ in plugins]}
    plugin["allOf"] = [_configured(schema["$defs"], name, each) for name, each in plugins]
    first = ("id", "name", "token")
    rest = {key: value for key, value in schema["properties"].items() if key not in first}
    properties = {**{key: schema["properties"][key] for key in first}, **rest}
    described = {"$schema": DIALECT, "title": "A bot of Flotilla", "description": "docs/yaml-bots.md"}
    return {**schema, **described, "properties": properties}


def modeline(public_url: str) -> str:
    """The first line of every file that is written by us; editors with the YAML language server look up the schema by it."""
    return f"# yaml-language-server: $schema={public_url.rstrip('/')}{PATH}"


def _configured(definitions: dict[str, Any], name: str, plugin: type[BasePlugin]) -> dict[str, Any]:
    """That a plugin of this name has its own `config`; its parts go to `definitions`, under its name."""
    schema = plugin.config_model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    for part, definition in schema.pop("$defs", {}).items():
        definitions[f"{name}.{part}"] = _open_to_variables(definition)
    schema["description"] = plugin.description
    return {
        "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
        "then": {"properties": {"config": _open_to_variables(schema)}},
    }


def _open_to_variables(schema: dict[str, Any]) -> dict[str, Any]:
    """A number or a switch may come out of a variable too."""
    properties = {
        key: {
            "anyOf": [value, {"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"}],
            **_said(value),
        }
        if value.get("type") in ("integer", "number", "boolean")
        else value
        for key, value in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties} if properties else schema


def _said(value: dict[str, Any]) -> dict[str, Any]:
    return {key: value[key] for key in ("title", "description", "default") if key in value}
