"""Which Python packages a plugin declares (`requires = ("httpx>=0.27",)`), and which of them are not installed.

The declaration is read from the source: without its packages a plugin cannot be imported to be asked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

NAME = "requires"


def declared(source: bytes, file: str) -> list[tuple[str, int]]:
    """(requirement, line) of each package named in a class of the source. Raises SyntaxError."""
    tree = ast.parse(source, file)
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return [found for each in classes for found in _in(each)]


def unmet(requirements: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """(what is wrong, line) of each that is not installed as wanted."""
    for text, line in requirements:
        wrong = _wrong_with(text)
        if wrong:
            yield wrong, line


def _in(node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    for line in node.body:
        targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
        value = getattr(line, "value", None)
        if any(getattr(target, "id", "") == NAME for target in targets) and value is not None:
            items = value.elts if isinstance(value, ast.Tuple | ast.List | ast.Set) else [value]
            yield from ((str(item.value), item.lineno) for item in items if isinstance(item, ast.Constant))


def _wrong_with(text: str) -> str:
    try:
        wanted = Requirement(text)
    except InvalidRequirement:
        return f"{NAME}: {text!r} names no package; write it like 'httpx>=0.27'"
    if wanted.marker is not None and not wanted.marker.evaluate():
        return ""
    try:
        installed = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return f"it needs the package {text}, which is not installed"
    if not wanted.specifier.contains(installed, prereleases=True):
        return f"it needs the package {text}, and {installed} is installed"
    return ""
