"""Our own Python files as text and syntax trees."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Folders below the root that hold no code of ours, or generated code.
FOREIGN = {"build", "instance", "node_modules", "versions"}


@dataclass(frozen=True)
class Source:
    """One file: `name` is what it is imported as, `tree` its syntax."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """What `ast.walk` finds in the tree. Some fifteen tests go through all of it, and a walk costs more than a look."""
        return tuple(ast.walk(self.tree))

    @property
    def package(self) -> str:
        """The top-level package or module."""
        return self.name.partition(".")[0]


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the repository, tests included.

    Their trees are millions of objects that stay: looking for garbage among them took 10.1 s of CPU instead of 2.8, and
    every later look would pass over them again.
    """
    gc.disable()
    try:
        return tuple(_read(path) for path in sorted(_paths(ROOT)))
    finally:
        gc.freeze()
        gc.enable()


def product() -> Iterator[Source]:
    """Every file but the tests."""
    return (source for source in sources() if source.package != "tests")


def imports(source: Source) -> Iterator[str]:
    """The dotted names a file imports, inside functions and under TYPE_CHECKING too."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(source, node)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = source.name.split(".")
    inside = parts if source.path.name == "__init__.py" else parts[:-1]
    return ".".join([*inside[: len(inside) - node.level + 1], *([node.module] if node.module else [])])


def _paths(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in FOREIGN:
            continue
        if path.is_dir():
            yield from _paths(path)
        elif path.suffix == ".py":
            yield path


def _read(path: Path) -> Source:
    text = path.read_text()
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Source(name, path, text, ast.parse(text))
