"""A bot's configuration as YAML that `yaml_source` reads back to the letter, laid out for people to read and edit."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from services.fleet.configuration.document import BotConfiguration
from services.fleet.declared.yaml_source import UNPRINTABLE

PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]+( [A-Za-z0-9_-]+)*", re.ASCII)
ONE_LINE: Final = 2**20  # longer than any text: lines are not folded
NOT_IN_BLOCK: Final = re.compile("[\\r\\x85\\u2028\\u2029]")  # which YAML takes for ends of lines


def written(document: BotConfiguration, modeline: str) -> str:
    """The document below `modeline`. It holds no token, and `${` is escaped as files of bots want it."""
    return f"{modeline}\n{as_yaml(_escaped(document.model_dump(mode='json')))}"


def as_yaml(value: Any) -> str:
    """A value of JSON, in its order."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=ONE_LINE))


class _Dumper(yaml.SafeDumper):
    """Quotes whatever a reader could take for something else than a text."""

    def ignore_aliases(self, data: Any) -> bool:
        """The reader knows none."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if UNPRINTABLE.search(text) or NOT_IN_BLOCK.search(text):
        return '"'  # which alone has escapes; elsewhere an emoji stays one
    if "\n" in text:
        return "|"
    # PyYAML quotes by itself the words that YAML 1.1 takes for truths.
    return None if PLAIN.fullmatch(text) else "'"


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return value


_Dumper.add_representer(str, _text)
