"""One bot's YAML file: its form, and reading it so that every mistake has its line, its column and the nearest right word."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.validation_texts import reason_of
from services.fleet.configuration.document import BotConfiguration, Plugin
from services.fleet.configuration.writing import checked
from services.fleet.declared.problems import START, FileRefused, Place, Problem, Wrong, nearest
from services.fleet.declared.variables import Hidden, expand, refuse_references
from services.fleet.declared.yaml_source import Node, read_yaml
from services.fleet.plugin_catalogue import catalogue, stored_form
from services.platform.tokens import checked_form

Location = tuple[str | int, ...]
NOT_TEXT: Final = (int, float, bool)
ENTRY, NUMBER = "AccessEntry", "constrained-int"  # the forms of a person in a list, as pydantic names them


class BotFile(BotConfiguration):
    """A bot in a file: its configuration, whose it is, and its token."""

    id: str = Field(
        pattern=r"^[a-z0-9_-]{1,64}$", description="its name in files and commands, of a-z, 0-9, _ and -"
    )
    owner: str = Field(
        "", max_length=254, description="e-mail of the account that has it; empty: the oldest administrator"
    )
    token: str = Field(
        min_length=1,
        max_length=300,
        repr=False,
        description="from @BotFather, best as a variable: ${BOT_TOKEN}",
    )


@dataclass(frozen=True)
class ReadFile:
    """A file that can be applied. `document` has the plugins' defaults filled in; `digest` changes with everything it says."""

    file: str
    document: BotFile = field(repr=False)
    digest: str
    hidden: Hidden = field(repr=False)
    places: Mapping[str, Place]

    @property
    def telegram_bot_id(self) -> int:
        """Whose token it is, as the token itself says."""
        return int(self.document.token.partition(":")[0])

    def place_of(self, key: str) -> Place:
        """Where the value of a key of the file stands; the beginning for one that is not there."""
        return self.places.get(key, START)

    def refused(self, key: str, code: str, reason: Text) -> FileRefused:
        """The file is not applied because of the value of `key`."""
        return FileRefused([Wrong(self.place_of(key), code, reason).of(self.file)])


def read_bot_file(file: str, data: bytes) -> ReadFile:
    """What the file says. FileRefused with everything that is wrong with it."""
    hidden = Hidden()
    try:
        root = read_yaml(data)
        _expand(root, hidden)
    except Wrong as wrong:
        raise FileRefused([wrong.of(file)]) from None
    document = _document(file, root)
    problems = [
        wrong.of(file)
        for wrong in (*_wrong_in_plugins(root, document.plugins), *_wrong_beside(root, document))
    ]
    if problems:
        raise FileRefused(_shown(problem, hidden) for problem in problems)
    try:
        document = checked(document)
    except InvalidInput as error:
        place = _node_at(root, ("plugins",)).place
        raise FileRefused([_shown(Problem(file, place, error.code, error.text), hidden)]) from None
    places = {key: node.place for key, node in _mapping(root).items()}
    return ReadFile(file, document, _digest(data, hidden, document), hidden, places)


def _expand(root: Node, hidden: Hidden) -> None:
    """Variables in token and in the plugins' config, and nowhere else."""
    for key, node in _mapping(root).items():
        if key == "token":
            expand(node, hidden, ("token",))
        elif key == "plugins" and isinstance(node.value, list):
            for index, plugin in enumerate(node.value):
                for name, part in _mapping(plugin).items():
                    if name == "config":
                        expand(part, hidden, ("plugins", index, "config"))
                    else:
                        refuse_references(part)
        else:
            refuse_references(node)


def _document(file: str, root: Node) -> BotFile:
    try:
        # As JSON, since strictness there takes words for enums and moments, and nothing else for another type.
        return BotFile.model_validate_json(json.dumps(root.plain()), strict=True)
    except ValidationError as error:
        wrong = _wrongs(root, error, _fields_of(BotFile))
        raise FileRefused(each.of(file) for each in wrong) from None


def _wrong_in_plugins(root: Node, plugins: Iterable[Plugin]) -> Iterator[Wrong]:
    """Unknown and repeated plugins, and what is wrong with their configurations."""
    known, seen = catalogue().plugins, set[str]()
    for index, each in enumerate(plugins):
        place = _node_at(root, ("plugins", index, "name")).place
        if each.name in seen:
            yield Wrong(place, "plugin_repeated", Text("Plugin {name} is listed twice", name=each.name))
        elif each.name not in known:
            yield _unknown_plugin(place, each.name, known)
        else:
            node = _node_at(root, ("plugins", index, "config"), key=True)
            yield from _wrong_in_config(node, each)
        seen.add(each.name)


def _wrong_in_config(node: Node, chosen: Plugin) -> list[Wrong]:
    plugin = catalogue().plugins[chosen.name]
    try:
        stored_form(plugin, chosen.config)
    except ValidationError as error:
        return list(_wrongs(node, error, _fields_of(plugin.config_model)))
    except Exception as error:  # noqa: BLE001  # a validator of somebody else's
        reason = Text("The plugin cannot read its configuration: {error}", error=type(error).__name__)
        return [Wrong(node.place, "invalid_plugin_config", reason)]
    return []


def _wrong_beside(root: Node, document: BotFile) -> Iterator[Wrong]:
    try:
        checked_form(document.token)
    except InvalidInput as error:
        yield Wrong(_node_at(root, ("token",)).place, error.code, error.text)
    for name in ("allowed_users", "blocked_users", "admin_users"):
        seen = set[int]()
        for index, entry in enumerate(getattr(document.access, name)):
            person = entry if isinstance(entry, int) else entry.user
            place = _node_at(root, ("access", name, index)).place
            if person in seen:
                yield Wrong(place, "access_twice", Text("{id} is on the list twice", id=str(person)))
            if person == 0:
                yield Wrong(
                    place, "telegram_id_invalid", Text("A Telegram id is a whole number, such as 123456789")
                )
            seen.add(person)


def _unknown_plugin(place: Place, name: str, known: Iterable[str]) -> Wrong:
    meant = nearest(name, known)
    if meant:
        reason = Text("There is no plugin '{name}'; did you mean {meant}?", name=name, meant=meant)
    else:
        listed = ", ".join(sorted(known))
        reason = Text("There is no plugin '{name}'; choose from: {known}", name=name, known=listed)
    return Wrong(place, "unknown_plugin", reason)


def _wrongs(node: Node, error: ValidationError, fields: _Fields) -> Iterator[Wrong]:
    """What pydantic found, each at its place; of the several answers of a union the one that fits what is written."""
    told = set[tuple[Place, str]]()
    for found in error.errors(include_url=False, include_input=False):
        place, value = _place_of(node, found["loc"], key=found["type"] == "extra_forbidden")
        if (place, _code_of(found)) in told or _is_another_branch(value, found["loc"]):
            continue
        told.add((place, _code_of(found)))
        yield Wrong(place, _code_of(found), _reason(found, value, fields))


def _place_of(node: Node, location: Location, *, key: bool = False) -> tuple[Place, Node]:
    """The deepest place that the file has for a location, of the value or of its key, and what stands there."""
    place = node.place
    for step in location:
        child = _child(node, step)
        if child is not None:
            place = node.keys[str(step)] if key and isinstance(node.value, dict) else child.place
            node = child
    return place, node


def _is_branch(step: str | int) -> bool:
    """Whether a step of pydantic's names a form of a union, not a place in the document."""
    return step in (ENTRY, NUMBER)


def _is_another_branch(node: Node, location: Location) -> bool:
    """Whether the error is about a form of the value that was not meant: an object where a number stands, or the other way."""
    if ENTRY in location:
        return not isinstance(node.value, dict) and location[-1] == ENTRY
    return isinstance(node.value, dict) and location[-1] == NUMBER


def _code_of(found: ErrorDetails) -> str:
    return {"extra_forbidden": "unknown_key", "missing": "key_missing"}.get(found["type"], "value_wrong")


def _reason(found: ErrorDetails, node: Node, fields: _Fields) -> Text:
    kind, last = found["type"], str(found["loc"][-1]) if found["loc"] else ""
    if kind == "extra_forbidden":
        meant = nearest(last, fields.at(found["loc"][:-1]))
        if meant:
            return Text("There is no field {name} here; did you mean {meant}?", name=last, meant=meant)
        return Text("There is no field {name} here", name=last)
    if kind == "missing":
        return Text("{name} is missing", name=last)
    where = ".".join(str(step) for step in found["loc"] if not _is_branch(step))
    if kind == "string_type" and isinstance(node.value, NOT_TEXT):
        return Text("{where}: text is wanted here; put it in quotes", where=where)
    if kind in ("literal_error", "enum") and isinstance(node.value, str):
        known = {each.lower(): each for each in _choices(found)}
        meant = known.get(nearest(node.value.lower(), known), "")
        if meant:
            return Text("{where}: did you mean {meant}?", where=where, meant=meant)
    return Text("{where}: {reason}", where=where, reason=reason_of(found))


def _choices(found: ErrorDetails) -> list[str]:
    return [
        word.strip(" '")
        for word in str(found.get("ctx", {}).get("expected", "")).replace(" or ", ",").split(",")
    ]


class _Fields:
    """Which keys a model knows at a place, by its JSON Schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def at(self, location: Location) -> list[str]:
        """The keys that may stand at `location`."""
        schemas = [self._schema]
        for step in location:
            further = [found for schema in schemas for found in self._below(schema, step)]
            schemas = further or schemas  # a union's name is no step of the document
        return [
            key for schema in schemas for each in self._forms(schema) for key in each.get("properties", ())
        ]

    def _below(self, schema: dict[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
        for form in self._forms(schema):
            if isinstance(step, int) and "items" in form:
                yield form["items"]
            elif step in form.get("properties", ()):
                yield form["properties"][step]

    def _forms(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The schema itself, or what it stands for."""
        if "$ref" in schema:
            yield from self._forms(self._schema["$defs"][schema["$ref"].rpartition("/")[2]])
        elif "anyOf" in schema:
            for each in schema["anyOf"]:
                yield from self._forms(each)
        else:
            yield schema


@cache
def _fields_of(model: type[BaseModel]) -> _Fields:
    return _Fields(model.model_json_schema())


def _mapping(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node.value, dict):
        return node.value.get(str(step))
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def _node_at(node: Node, location: Location, *, key: bool = False) -> Node:
    """The node at `location`, or the last one on the way to it; with `key` an empty one where it is not there."""
    for step in location:
        child = _child(node, step)
        if child is None:
            return Node(node.place, {}) if key else node
        node = child
    return node


def _shown(problem: Problem, hidden: Hidden) -> Problem:
    return Problem(problem.file, problem.place, problem.code, problem.reason.changed(hidden.shown))


def _digest(data: bytes, hidden: Hidden, document: BotFile) -> str:
    """Of the file, of what its variables hold, and of the versions of the plugins that read it."""
    known = catalogue()
    versions = [
        (each.name, known.plugins[each.name].config_version, known.hashes.get(each.name, ""))
        for each in document.plugins
    ]
    said = json.dumps(
        [hidden.names, versions, document.model_dump(mode="json", exclude={"token"})], sort_keys=True
    )
    return hashlib.sha256(data + said.encode()).hexdigest()
