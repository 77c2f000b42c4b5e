"""Import the product in this environment and say what is missing: `python -m tests.installed.imports`, in the clone.

It is run by the clone's own interpreter and imports nothing that `requirements.lock` does not install.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path
from pkgutil import resolve_name

from tests.architecture.source import ROOT, Source, imports, product

# The only place that says what of the product is not imported here, and why. All names are looked for in the source.
NOT_IMPORTED = {
    "tools.benchmarks": "developers' tools, started by `make bench` from the development environment; some work when imported",
    "tools.chaos": "a developers' tool, started by `make chaos` from the development environment",
    "tools.attack": "a developers' tool, started by `make attack` from the development environment",
    "tools.load": "a developers' tool, started by `make load`; its locust file runs in locust's own environment",
    "tools.soak": "a developers' tool, started by `make soak` from the development environment",
    "tools.sandbox_clients": "other bot libraries, started by `make sandbox-clients` from an environment with them",
    "tools.supply": "a developers' tool, started by `make sbom` and `make audit` from the development environment",
    "tools.servers": "servers of the tests; PostgreSQL comes from the development environment",
    "examples": "programs of their own, run whole by tests/docs/test_external_workers.py",
    "services.core.error_reporting": "needs the extra `sentry` where SENTRY_DSN is set, and looks for it first; every process imports the module",
    "services.core.trace_export": "needs the extra `otel` where an endpoint is set, and looks for it first; every process imports the module",
    "tools.helm": "a developers' tool, started by `make helm` from an environment of its own",
    "services.messaging.workers.kafka": "needs the extra `kafka`; its `loops`, which `jobs.programs` imports, looks for that first",
    "gunicorn.conf": "no module but a file that gunicorn reads; test_first_command and test_procfile start it",
    "migrations": "run by Alembic alone, by the release command; test_first_command and test_procfile do",
}
FOR_TYPE_CHECKERS = {"_typeshed"}  # exists for mypy only
WITH_ANY_ENVIRONMENT = {"pip", "setuptools"}


def main() -> int:
    """Print every fault on a line of its own; exit code 1 when there is one."""
    from gevent import monkey  # noqa: PLC0415 - itself a package that may be missing

    monkey.patch_all()  # as the processes do, before the first of their modules
    chosen = [source for source in product() if not _left_out(source.name)]
    faults = [*_stale_names(), *dict.fromkeys(_unmet(chosen)), *_not_locked(), *_from_elsewhere()]
    sys.stdout.writelines(f"{line}\n" for line in [*faults, f"{len(chosen)} modules, {len(faults)} faults"])
    return 1 if faults else 0


def _left_out(name: str) -> bool:
    return any(_lies_in(name, part) for part in NOT_IMPORTED)


def _stale_names() -> Iterator[str]:
    names = [source.name for source in product()]
    for part in NOT_IMPORTED:
        if not any(_lies_in(name, part) for name in names):
            yield f"NOT_IMPORTED names {part}, which is not there"


def _unmet(sources: list[Source]) -> Iterator[str]:
    """Modules that cannot be imported, and imports inside functions that will fail there."""
    for source in sources:
        for name in [source.name, *imports(source)]:
            if name.partition(".")[0] in FOR_TYPE_CHECKERS:
                continue
            try:
                _resolve(name)
            except ImportError as error:
                yield f"{source.name}: {name}: {error}"


def _resolve(name: str) -> None:
    """Import a module, or the module that a name is in."""
    try:
        resolve_name(name)
    except AttributeError:  # no such name, or a module of that name that cannot be imported: this says why
        import_module(name)


def _not_locked() -> Iterator[str]:
    """Packages of this environment that the lock does not name: with them the check would prove nothing."""
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", distribution.name).lower()
        if name not in locked | WITH_ANY_ENVIRONMENT:
            yield f"{name} is installed here but not in requirements.lock"


def _from_elsewhere() -> Iterator[str]:
    """Modules loaded from neither the clone nor Python's standard library."""
    library = Path(sysconfig.get_path("stdlib")).resolve()
    for name, module in list(sys.modules.items()):
        if not (file := getattr(module, "__file__", None)):
            continue
        path = Path(file).resolve()
        inside = path.is_relative_to(library) and "site-packages" not in path.parts
        if not (inside or path.is_relative_to(ROOT)):
            yield f"{name} was loaded from {path}"


def _lies_in(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


if __name__ == "__main__":
    sys.exit(main())
