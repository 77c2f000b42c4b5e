"""The Bot API's update as the library describes it in the docstrings of its types: every kind, every field, an example of each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from telebot import types

FIELD = re.compile(r":type (\w+): (.*)")
NAME = re.compile(r":(?:class|obj):`(?:telebot\.)?(?:types\.)?(\w+)")
DEEPEST = 3
PLAIN: dict[str, Any] = {"str": "oi", "int": 5, "float": 1.5, "bool": True, "Any": "oi"}
PERSON: dict[str, Any] = {"id": 5, "is_bot": False, "first_name": "Ana"}
CHAT: dict[str, Any] = {"id": 5, "type": "private", "first_name": "Ana"}
MESSAGE: dict[str, Any] = {"message_id": 1, "date": 1, "chat": CHAT, "from": PERSON, "text": "oi"}
# Abstract in the library: an example is one of its descendants.
EXAMPLES: dict[str, dict[str, Any]] = {
    "ChatMember": {"status": "member", "user": PERSON},
    "MessageOrigin": {"type": "hidden_user", "date": 1, "sender_user_name": "Ana"},
    "ReactionType": {"type": "emoji", "emoji": "👍"},
    "ChatBoostSource": {"source": "premium", "user": PERSON},
    "PaidMedia": {"type": "preview", "width": 1},
    "BackgroundType": {"type": "chat_theme", "theme_name": "oi"},
}
RENAMED = {"from_user": "from"}
UPDATE = "Update"
Path = tuple[str | int, ...]


@cache
def fields(name: str) -> dict[str, str]:
    """The fields of a type as the Bot API names them, field -> type in the docstring's words; none for an unknown type."""
    kind = getattr(types, name, None)
    text = inspect.getdoc(kind) if inspect.isclass(kind) else None
    return {RENAMED.get(field, field): words for field, words in FIELD.findall(text or "")}


@cache
def kinds() -> tuple[str, ...]:
    """The kinds of update: message, callback_query …"""
    return tuple(field for field in fields(UPDATE) if field != "update_id")


def events(kind: str) -> Iterator[tuple[dict[str, Any], Iterator[Path]]]:
    """Examples of the event in an update of a kind, with the places in each that are worth attacking.

    A message has one example per field, beside those that every message has: whole, it would have 3,000 places.
    """
    name = _name(fields(UPDATE)[kind])
    if name != "Message":
        whole = _object(name, 0)
        if whole:
            yield whole, paths(whole)
        else:  # the library's docstring says nothing of it
            yield {"chat": CHAT, "date": 1}, paths({"chat": CHAT, "date": 1})
        return
    for field, words in fields(name).items():
        value = example(words, 1)
        yield {**MESSAGE, field: value}, paths(value, (field,))


def example(words: str, depth: int) -> Any:
    """An example of a type, given in a docstring's words; deeper than DEEPEST only its plain fields."""
    name = _name(words)
    value = PLAIN.get(name)
    if value is None:
        value = dict(EXAMPLES[name]) if name in EXAMPLES else _object(name, depth)
    for _ in range(NAME.findall(words).count("list")):
        value = [value]
    return value


def paths(value: Any, before: Path = ()) -> Iterator[Path]:
    """Where something stands in a value: each field, each element, itself included."""
    yield before
    items: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    for key, inner in items:
        yield from paths(inner, (*before, key))


def with_value(whole: Any, path: Path, value: Any) -> Any:
    """A copy of `whole` with `value` at `path`."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(whole, list):
        return [with_value(each, rest, value) if index == key else each for index, each in enumerate(whole)]
    return {name: with_value(each, rest, value) if name == key else each for name, each in whole.items()}


def _name(words: str) -> str:
    """The type that a docstring names, without the lists around it."""
    return next((each for each in NAME.findall(words) if each != "list"), "str")


def _object(name: str, depth: int) -> dict[str, Any]:
    if name == "Message":
        return dict(MESSAGE)
    if name == "Chat":
        return dict(CHAT)
    return {
        field: example(words, depth + 1)
        for field, words in fields(name).items()
        if depth < DEEPEST or _name(words) in PLAIN
    }
