"""The sandbox stands alone: it imports nothing of the application, and the application nothing of it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {"sandbox", "flask", "werkzeug", "gevent", "urllib3", "_typeshed", *sys.stdlib_module_names}
APPLICATION = ("app.py", "wsgi.py", "models.py", "blueprints", "services", "jobs", "plugins")


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_the_sandbox_imports_only_its_own_few_libraries() -> None:
    for path in (ROOT / "sandbox").rglob("*.py"):
        assert imported(path) <= ALLOWED, path


def test_the_application_does_not_import_the_sandbox() -> None:
    places = [ROOT / name for name in APPLICATION]
    files = [path for place in places for path in ([place] if place.suffix else place.rglob("*.py"))]
    assert not [path for path in files if path.exists() and "sandbox" in imported(path)]
