"""Fixtures on real parts: Valkey, SQLite, PostgreSQL. Only Telegram is played, by the sandbox, at the socket.

A test marked `data` that asks for `platform` runs twice, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from services.core.environment import load_settings
from services.core.settings import Settings
from services.platform import schema
from services.platform.platform import Platform
from tests.collecting import (
    TestsOfFile,
    WholeFile,
    end_with_process,
    knows_names_alone,
    run_file,
    tell_process,
)
from tests.compiled_routes import compile_once
from tests.compiled_statements import compile_statements_once
from tests.compiled_templates import compile_templates_once
from tests.sharing_out import FilesByNeed, programs_first
from tools.servers.postgres import running_postgres
from tools.servers.sandbox import Sandbox, running_sandbox
from tools.servers.valkey import DATABASES, running_valkey

REDIS_DATABASES = count()
FOLDERS = count(1)
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 4 << 30  # for three processes at once; a container has 64 MB there
NOWHERE = "http://127.0.0.1:9"
compile_once()
compile_statements_once()
compile_templates_once()
gc.disable()  # collecting makes millions of objects and no garbage worth a look


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" in metafunc.fixturenames:
        twice = metafunc.definition.get_closest_marker("data") is not None
        kinds = ["sqlite", "postgresql"] if twice else ["sqlite"]
        metafunc.parametrize("database_url", kinds, indirect=True, ids=kinds if twice else None)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    end_with_process(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    tell_process(node)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> WholeFile | None:
    return WholeFile.from_parent(parent, path=module_path) if knows_names_alone(parent.config) else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if not isinstance(item, TestsOfFile):
        return None
    run_file(item, nextitem)
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    programs_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FilesByNeed | None:
    return FilesByNeed(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """What collecting made lives to the end: later looks for garbage pass it by, and come less often.

    A process of the run holds a million objects: looking after every 700 new ones took 3.8 of 33.8 s of CPU; so it is 2.1.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that an unprivileged user may enter, unlike pytest's own temporary ones."""
    folder = Path(tempfile.mkdtemp(prefix="flotilla-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_url(server_folder: Path) -> Iterator[str]:
    """The address of a real Valkey, one for the whole run."""
    folder = server_folder / "valkey"
    folder.mkdir()
    with running_valkey(folder) as url:
        yield url


@pytest.fixture(scope="session")
def sandbox_server(server_folder: Path) -> Iterator[Sandbox]:
    """The Bot API sandbox, one process for the whole run."""
    with running_sandbox(server_folder, "--retry-factor", "0.05") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_server: Sandbox) -> Sandbox:
    """The sandbox, empty. The `settings` and `platform` of a test that asks for it talk to it."""
    sandbox_server.reset()
    return sandbox_server


@pytest.fixture(scope="session")
def memory_folder() -> Iterator[Path | None]:
    """A folder in memory, where there is room."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES:
        yield None
        return
    with tempfile.TemporaryDirectory(
        prefix="flotilla-tests-", dir=MEMORY, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, memory_folder: Path | None) -> Iterator[Path]:
    """The test's own folder, in memory where there is room: on a disk each commit of SQLite waits 3.5 ms for it."""
    if memory_folder is None:
        yield request.getfixturevalue("tmp_path_factory").mktemp("test")
        return
    folder = memory_folder / f"test-{next(FOLDERS)}"
    folder.mkdir(mode=0o700)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_data(server_folder: Path, memory_folder: Path | None) -> Path:
    """In memory where there is room: most of what a database of its own costs a test is making its files."""
    if memory_folder is None:
        return server_folder / "postgres"
    memory_folder.chmod(0o711)
    folder = memory_folder / "postgres"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def postgres_url(server_folder: Path, postgres_data: Path) -> Iterator[str]:
    """The maintenance database of a real PostgreSQL that holds a migrated database `template`."""
    folder = server_folder / "postgres"
    folder.mkdir()
    with running_postgres(folder, postgres_data) as server:
        url = server.url
        _maintenance(url, "CREATE DATABASE template")
        template = Platform(settings_for(server_folder / "pg", url.replace("/postgres", "/template", 1)))
        schema.upgrade(template)
        template.database.dispose()
        yield url


@pytest.fixture(scope="session")
def sqlite_template(server_folder: Path) -> Path:
    """A migrated, empty SQLite file."""
    template = Platform(settings_for(server_folder / "sqlite"))
    schema.upgrade(template)
    template.database.dispose()
    return template.settings.data_dir / "flotilla.db"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database of the kind the test is run for."""
    if getattr(request, "param", "sqlite") == "sqlite":
        file = tmp_path / "flotilla.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    maintenance = request.getfixturevalue("postgres_url")
    name = f"test_{uuid4().hex}"
    _maintenance(maintenance, f"CREATE DATABASE {name} TEMPLATE template STRATEGY FILE_COPY")
    yield maintenance.replace("/postgres", f"/{name}", 1)
    _maintenance(maintenance, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str, database_url: str) -> Settings:
    """Settings of a test installation; other fixtures may replace single values with `model_copy(update=…)`.

    Each test has a Redis database of its own: a thread that outlives its test cannot write into the next one's.
    Telegram is the sandbox where the test asks for `sandbox`, else a port where nobody listens.
    """
    telegram = NOWHERE
    redis_url = f"{redis_url.rpartition('/')[0]}/{next(REDIS_DATABASES) % DATABASES}"
    if "sandbox" in request.fixturenames:
        telegram = request.getfixturevalue("sandbox").url
    settings = settings_for(tmp_path, database_url, redis_url)
    return settings.model_copy(update={"telegram_api_url": telegram, "telegram_link_url": telegram})


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """A platform on an empty Redis and a fresh database."""
    platform = Platform(settings)
    platform.redis.flushall()
    yield platform
    platform.database.dispose()
    for client in (platform.redis, platform.blocking_redis, platform.job_redis):
        client.close()


def settings_for(folder: Path, database_url: str = "", redis_url: str = "") -> Settings:
    """Settings from explicit values alone."""
    folder.mkdir(parents=True, exist_ok=True)
    return load_settings(
        {
            "APP_ENV": "test",
            "DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": "a-secret-for-tests-only",
            "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "LOG_FORMAT": "text",
        }
    )


def _maintenance(url: str, statement: str) -> None:
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
