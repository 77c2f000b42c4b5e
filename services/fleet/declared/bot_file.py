"""One bot's YAML file: its form, and reading it so that every mistake has its line, its column and the nearest right word."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import Field, ValidationError

from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.fleet.configuration.document import BotConfiguration, Plugin
from services.fleet.configuration.writing import checked
from services.fleet.declared.document_errors import Location, errors_at, fields_of, mapping, node_at
from services.fleet.declared.problems import START, FileRefused, Place, Problem, Wrong, nearest
from services.fleet.declared.variables import Hidden, expand, refuse_references
from services.fleet.declared.yaml_source import Node, read_yaml
from services.fleet.flows.users import FIELD
from services.fleet.plugin_catalogue import catalogue, stored_form
from services.platform.tokens import checked_form

Document = TypeVar("Document", bound=BotConfiguration)


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
    places: Mapping[str | Location, Place]

    @property
    def telegram_bot_id(self) -> int:
        """Whose token it is, as the token itself says."""
        return int(self.document.token.partition(":")[0])

    def place_of(self, key: str | Location) -> Place:
        """Where the value of a key of the file stands, or a `flow_key`; the beginning for one that is not there."""
        return self.places.get(key, START)

    def refused(self, key: str | Location, code: str, reason: Text) -> FileRefused:
        """The file is not applied because of the value of `key`."""
        return FileRefused([Wrong(self.place_of(key), code, reason).of(self.file)])


def flow_key(number: int) -> Location:
    """Where the plugin with that place in the list names a flow, if it does."""
    return ("plugins", number, "config", FIELD)


def read_bot_file(file: str, data: bytes) -> ReadFile:
    """What the file says. FileRefused with everything that is wrong with it."""
    hidden = Hidden()
    try:
        root = read_yaml(data)
        _expand(root, hidden)
    except Wrong as wrong:
        raise FileRefused([wrong.of(file)]) from None
    try:
        document = _whole(file, root, BotFile, _wrong_token)
    except FileRefused as refused:
        raise FileRefused(_shown(problem, hidden) for problem in refused.problems) from None
    places: dict[str | Location, Place] = {key: node.place for key, node in mapping(root).items()}
    places |= {
        flow_key(number): node_at(root, flow_key(number)).place for number in range(len(document.plugins))
    }
    return ReadFile(file, document, _digest(data, hidden, document), hidden, places)


def read_configuration(data: bytes) -> BotConfiguration:
    """What a document says of a bot beside its token and its owner: a file like a bot's, without them and without variables,
    which only files of the installation may read. FileRefused with everything that is wrong with it."""
    try:
        root = read_yaml(data)
        refuse_references(root)
    except Wrong as wrong:
        raise FileRefused([wrong.of("")]) from None
    return _whole("", root, BotConfiguration, lambda _root, _document: iter(()))


def _expand(root: Node, hidden: Hidden) -> None:
    """Variables in token and in the plugins' config, and nowhere else."""
    for key, node in mapping(root).items():
        if key == "token":
            expand(node, hidden, ("token",))
        elif key == "plugins" and isinstance(node.value, list):
            for index, plugin in enumerate(node.value):
                for name, part in mapping(plugin).items():
                    if name == "config":
                        expand(part, hidden, ("plugins", index, "config"))
                    else:
                        refuse_references(part)
        else:
            refuse_references(node)


def _whole(
    file: str, root: Node, model: type[Document], beside: Callable[[Node, Document], Iterator[Wrong]]
) -> Document:
    """The document with the plugins' defaults filled in; `beside` finds what is wrong in fields of the model alone."""
    document = _document(file, root, model)
    wrong = (
        *_wrong_in_plugins(root, document.plugins),
        *_wrong_in_access(root, document),
        *beside(root, document),
    )
    if wrong:
        raise FileRefused(each.of(file) for each in wrong)
    try:
        return checked(document)
    except InvalidInput as error:
        place = node_at(root, ("plugins",)).place
        raise FileRefused([Problem(file, place, error.code, error.text)]) from None


def _document(file: str, root: Node, model: type[Document]) -> Document:
    try:
        # As JSON, since strictness there takes words for enums and moments, and nothing else for another type.
        return model.model_validate_json(json.dumps(root.plain()), strict=True)
    except ValidationError as error:
        wrong = errors_at(root, error, fields_of(model))
        raise FileRefused(each.of(file) for each in wrong) from None


def _wrong_in_plugins(root: Node, plugins: Iterable[Plugin]) -> Iterator[Wrong]:
    """Unknown and repeated plugins, and what is wrong with their configurations."""
    known, seen = catalogue().plugins, set[str]()
    for index, each in enumerate(plugins):
        place = node_at(root, ("plugins", index, "name")).place
        if each.name in seen:
            yield Wrong(place, "plugin_repeated", Text("Plugin {name} is listed twice", name=each.name))
        elif each.name not in known:
            yield _unknown_plugin(place, each.name, known)
        else:
            node = node_at(root, ("plugins", index, "config"), key=True)
            yield from _wrong_in_config(node, each)
        seen.add(each.name)


def _wrong_in_config(node: Node, chosen: Plugin) -> list[Wrong]:
    plugin = catalogue().plugins[chosen.name]
    try:
        stored_form(plugin, chosen.config)
    except ValidationError as error:
        return list(errors_at(node, error, fields_of(plugin.config_model)))
    except Exception as error:  # noqa: BLE001  # a validator of somebody else's
        reason = Text("The plugin cannot read its configuration: {error}", error=type(error).__name__)
        return [Wrong(node.place, "invalid_plugin_config", reason)]
    return []


def _wrong_token(root: Node, document: BotFile) -> Iterator[Wrong]:
    try:
        checked_form(document.token)
    except InvalidInput as error:
        yield Wrong(node_at(root, ("token",)).place, error.code, error.text)


def _wrong_in_access(root: Node, document: BotConfiguration) -> Iterator[Wrong]:
    for name in ("allowed_users", "blocked_users", "admin_users"):
        seen = set[int]()
        for index, entry in enumerate(getattr(document.access, name)):
            person = entry if isinstance(entry, int) else entry.user
            place = node_at(root, ("access", name, index)).place
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
