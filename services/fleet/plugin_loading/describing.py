"""A plugin as the panel and programs see it."""

from __future__ import annotations

from typing import Any

from plugins.base import BasePlugin


def describe(plugin: type[BasePlugin]) -> dict[str, Any]:
    """Its metadata, and the fields of its configuration with their defaults."""
    schema = plugin.config_model.model_json_schema()
    defaults = plugin.config_model.model_construct().model_dump(mode="json", warnings=False)
    return {
        "name": plugin.name,
        "title": plugin.title or plugin.name,
        "description": plugin.description,
        "version": plugin.version,
        "author": plugin.author,
        "dependencies": sorted(plugin.dependencies),
        "fields": [
            {
                "name": name,
                "type": properties.get("type", "object"),
                "default": defaults.get(name),
                "description": properties.get("description", ""),
                "schema": properties,
            }
            for name, properties in schema.get("properties", {}).items()
        ],
    }
