"""`${NAME}` in a file: the value of a variable of the environment, and keeping that value out of what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from services.core.environment import own_names, variable
from services.core.i18n import Text
from services.fleet.declared.problems import Place, Wrong
from services.fleet.declared.yaml_source import Node

# $${ stands for ${; a ${ that no name and } follow is a mistake.
REFERENCE: Final = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\})?", re.ASCII)
SHOWN_LENGTH: Final = 4  # a shorter value would be found everywhere


class Hidden:
    """The values that came out of variables in one file, and how each is shown instead."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self.paths: set[tuple[str | int, ...]] = set()

    def add(self, value: str, name: str) -> None:
        """Have `value` shown as `${name}`."""
        if value:
            self._names[value] = name

    @property
    def names(self) -> list[tuple[str, str]]:
        """(name, value) of all, sorted."""
        return sorted((name, value) for value, name in self._names.items())

    def shown(self, value: Any) -> Any:
        """JSON data without the values."""
        if isinstance(value, str):
            return self._shown(value)
        if isinstance(value, list):
            return [self.shown(each) for each in value]
        if isinstance(value, dict):
            return {key: self.shown(each) for key, each in value.items()}
        whole = self._names.get(str(value)) if isinstance(value, int | float) else None
        return value if whole is None else f"${{{whole}}}"

    def _shown(self, text: str) -> str:
        for value in sorted(self._names, key=len, reverse=True):
            if text == value or len(value) >= SHOWN_LENGTH:
                text = text.replace(value, f"${{{self._names[value]}}}")
        return text


def expand(node: Node, hidden: Hidden, path: tuple[str | int, ...] = ()) -> None:
    """Put the variables' values into all texts below `node`, and note them in `hidden`. Raises Wrong."""
    for step, child in _children(node):
        expand(child, hidden, (*path, step))
    if isinstance(node.value, str) and "${" in node.value:
        node.value = _expanded(node.value, node.place, hidden, path)


def refuse_references(node: Node) -> None:
    """Raise Wrong for a `${` below `node`; `$${` becomes `${` as elsewhere."""
    for _, child in _children(node):
        refuse_references(child)
    if isinstance(node.value, str) and "${" in node.value:
        if any(not found["escaped"] for found in REFERENCE.finditer(node.value)):
            reason = Text(
                "Variables ({sign}) are read in token and in a plugin's config alone; write {escape} for the signs themselves",
                sign="${…}",
                escape="$${",
            )
            raise Wrong(node.place, "variable_not_here", reason)
        node.value = node.value.replace("$${", "${")


def _children(node: Node) -> Iterable[tuple[str | int, Node]]:
    if isinstance(node.value, dict):
        return node.value.items()
    return enumerate(node.value) if isinstance(node.value, list) else ()


def _expanded(text: str, place: Place, hidden: Hidden, path: tuple[str | int, ...]) -> str:
    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "${"
        if not found["name"]:
            reason = Text(
                "A variable is written {form}, of letters, digits and _; write {escape} for the signs themselves",
                form="${NAME}",
                escape="$${",
            )
            raise Wrong(place, "variable_malformed", reason)
        known = _value(found["name"], place)
        hidden.add(known, found["name"])
        hidden.paths.add(path)
        return known

    return REFERENCE.sub(value, text)


def _value(name: str, place: Place) -> str:
    if name.upper() in own_names():
        reason = Text(
            "{name} belongs to the installation and is not given to bots; use a variable of your own",
            name=name,
        )
        raise Wrong(place, "variable_reserved", reason)
    value = variable(name)
    if not value:
        reason = Text(
            "The variable {name} is not set; set it where the processes start, then restart them", name=name
        )
        raise Wrong(place, "variable_missing", reason)
    return value
