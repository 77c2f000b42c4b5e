"""Which family a Redis key belongs to: the function that makes it, for each has one (services/platform/redis/*keys.py)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

from services.platform.redis import broadcast_keys, keys, upkeep_keys, work_keys

MODULES = (keys, work_keys, upkeep_keys, broadcast_keys)
NO_KEYS = {"changes_channel", "group", "about_person"}
A_NUMBER, A_TEXT = 918_273_645_546, "some~text"  # which no key's own text holds
RQ_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|[\w-]+\.\d+\.\w+\.\d+(\.\d+)?")
DIGITS = re.compile(r"\d+")


@lru_cache(100_000)
def family_of(key: str) -> str:
    """Its name; of RQ's own and of unknown ones the key with numbers and ids taken out."""
    for pattern, name in _patterns():
        if pattern.fullmatch(key):
            return name
    bare = DIGITS.sub("#", RQ_ID.sub("*", key))
    return bare if key.startswith("rq:") else f"unknown {bare}"


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Of each function, those with the most text of their own first."""
    found = [each for module in MODULES for each in _of_module(module)]
    found.sort(key=lambda each: len(each[0].replace(str(A_NUMBER), "").replace(A_TEXT, "")), reverse=True)
    return tuple((_compiled(made), name) for made, name in found)


def _of_module(module: ModuleType) -> Iterator[tuple[str, str]]:
    """What each function makes, and its name."""
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and name not in NO_KEYS:
            signature = inspect.signature(function)
            if signature.return_annotation == "str":
                yield from ((made, name) for made in _made(function, signature))


def _made(function: Callable[..., str], signature: inspect.Signature) -> set[str]:
    """Its key with a placeholder for each argument, and with the defaults of those that have one."""
    values: dict[str, Any] = {
        name: A_NUMBER if each.annotation == "int" else A_TEXT for name, each in signature.parameters.items()
    }
    needed = {
        name: values[name]
        for name, each in signature.parameters.items()
        if each.default is inspect.Parameter.empty
    }
    return {function(**values), function(**needed)}


def _compiled(made: str) -> re.Pattern[str]:
    text = re.escape(made).replace(str(A_NUMBER), r"-?\d+").replace(re.escape(A_TEXT), ".*")
    return re.compile(text, re.DOTALL)
