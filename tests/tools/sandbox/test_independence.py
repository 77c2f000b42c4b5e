"""The sandbox stands alone: it imports nothing of the application, and the application nothing of it."""

from __future__ import annotations

import sys

from tests.architecture.source import imports, product

SANDBOX = "tools.sandbox"
LIBRARIES = {"flask", "werkzeug", "gevent", "urllib3", "_typeshed", *sys.stdlib_module_names}


def _lies_in_the_sandbox(name: str) -> bool:
    return name == SANDBOX or name.startswith(f"{SANDBOX}.")


def test_the_sandbox_imports_only_its_own_few_libraries() -> None:
    files = [source for source in product() if _lies_in_the_sandbox(source.name)]
    foreign = {
        f"{source.name}: {name}"
        for source in files
        for name in imports(source)
        if not _lies_in_the_sandbox(name) and name.partition(".")[0] not in LIBRARIES
    }
    assert len(files) > 20
    assert foreign == set()


def test_the_application_does_not_import_the_sandbox() -> None:
    users = {
        source.name
        for source in product()
        if source.package != "tools" and any(_lies_in_the_sandbox(name) for name in imports(source))
    }
    assert users == set()
