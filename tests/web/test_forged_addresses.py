"""Over sockets: who connects past the proxies chooses no address, whatever is forged; who comes through one has theirs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from launch.ports import free_port
from services.core.environment import load_settings
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_pool
from tools.benchmarks.servers import ROOT, bare_environment, gunicorn
from tools.servers.wire import ask, connect, rest

PROXY, DIRECT = "127.0.0.1", "127.0.0.9"  # addresses that connections come from
TOKEN = "a-token-for-monitoring"
KEYS = {"SECRET_KEY": "0123456789abcdef" * 2, "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}  # fmt: skip
PRODUCTION = {"APP_ENV": "prod", "TRUSTED_PROXIES": "1", "PROXY_ADDRESSES": PROXY, **KEYS}
FORGED = ("", "X-Forwarded-For: {}\r\n", "Forwarded: for={}\r\n", "X-Real-IP: {}\r\n")
ENDS = ("", "Connection: close\r\n")  # answered by the short way, and by gunicorn's own
PER_MINUTE = 3  # clicks


@contextmanager
def installation(folder: Path, template: Path, redis_url: str, **environ: str) -> Iterator[int]:
    """The whole web process on a database with one pool, `limited`; its port."""
    folder.mkdir()
    shutil.copy(template, folder / "flotilla.db")
    environ |= {"DATA_DIR": str(folder), "REDIS_URL": redis_url, "BIND": "0.0.0.0", "TELEGRAM_API_URL": "http://127.0.0.1:9"}  # fmt: skip
    platform = Platform(load_settings(environ))
    platform.redis.flushall()
    new_pool(platform, new_account(platform), "limited", 1, rate_limit_per_minute=PER_MINUTE)
    platform.database.dispose()
    with gunicorn("gunicorn.conf.py", "wsgi:app", environ, folder / "log") as server:
        yield server.port


@pytest.fixture(scope="module", params=["true", "false"], ids=["fast path", "views"])
def port(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_template: Path,
    redis_url: str,
) -> Iterator[int]:
    """Production behind one proxy, with a METRICS_TOKEN."""
    folder = tmp_path_factory.mktemp("forged") / "data"
    environ = {**PRODUCTION, "METRICS_TOKEN": TOKEN, "FAST_PATH": request.param}
    with installation(folder, sqlite_template, redis_url, **environ) as port:
        yield port


def send(port: int, source: str, path: str, fields: str = "", body: str = "") -> str:
    """The answer, head and body, to a request from an address."""
    if body:
        fields += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    method = "POST" if body else "GET"
    agent = "User-Agent: Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile\r\n"
    request = f"{method} {path} HTTP/1.1\r\nHost: a.example\r\n{agent}{fields}\r\n{body}".encode()
    with connect(port, source) as connection:
        if "Connection: close" not in fields:
            return ask(connection, request).decode()
        connection.sendall(request)
        return rest(connection).decode()


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


@pytest.mark.parametrize("path", ["/metrics", "/health/full"])
@pytest.mark.parametrize("end", ENDS, ids=["plain", "closing"])
def test_with_a_metrics_token_no_address_opens_what_it_guards(port: int, path: str, end: str) -> None:
    tries = [(source, field.format("127.0.0.1") + end) for source in (PROXY, DIRECT) for field in FORGED]
    assert [status(send(port, source, path, fields)) for source, fields in tries] == [401] * len(tries)
    assert status(send(port, DIRECT, path, f"Authorization: Bearer {TOKEN}\r\n{end}")) == 200


def test_without_a_token_only_a_program_on_this_machine_gets_in_and_none_through_a_proxy(
    tmp_path: Path, sqlite_template: Path, redis_url: str
) -> None:
    with installation(tmp_path / "data", sqlite_template, redis_url, **PRODUCTION) as port:
        for path in ("/metrics", "/health/full"):
            for end in ENDS:
                tries = [send(port, PROXY, path, field.format("127.0.0.1") + end) for field in FORGED]
                assert [status(answer) for answer in tries] == [200, 401, 401, 401]


@pytest.mark.parametrize("end", ENDS, ids=["plain", "closing"])
@pytest.mark.parametrize("field", FORGED[1:])
def test_clicks_of_one_caller_are_limited_whatever_addresses_it_claims(
    port: int, field: str, end: str
) -> None:
    # Twice as many as may pass: the clock's minute can end in between.
    clicks = [
        send(port, DIRECT, "/go/limited", field.format(f"203.0.113.{host}") + end)
        for host in range(2 * PER_MINUTE + 1)
    ]
    assert 429 in [status(click) for click in clicks]


def test_clicks_through_the_proxy_count_for_the_visitors_it_names(port: int) -> None:
    for end in ENDS:
        clicks = [
            send(port, PROXY, "/go/limited", f"X-Forwarded-For: 127.0.0.1, 198.51.100.{host}\r\n{end}")
            for host in range(2 * PER_MINUTE + 1)
        ]
        assert {status(click) for click in clicks} == {302}


@pytest.mark.parametrize(
    "spelling", ["198.51.100.77:{}", "[2001:db8:7::{}]:443", "::ffff:198.51.100.78", "unknown"]
)
def test_one_visitor_behind_the_proxy_is_one_however_its_address_is_written(port: int, spelling: str) -> None:
    clicks = [
        send(port, PROXY, "/go/limited", f"X-Forwarded-For: {spelling.format(40000 + source)}\r\n")
        for source in range(2 * PER_MINUTE + 1)
    ]
    assert 429 in [status(click) for click in clicks]


@pytest.mark.parametrize("field", FORGED[1:])
def test_guesses_of_one_caller_are_limited_whatever_addresses_it_claims(port: int, field: str) -> None:
    def guess(source: str, fields: str, email: str) -> int:
        form = urlencode({"csrf_token": token, "email": email, "password": "wrong"})
        return status(send(port, source, "/login", f"Cookie: {cookie}\r\n{fields}", form))

    page = send(port, DIRECT, "/login")
    [token] = re.findall(r'name="csrf_token" value="([^"]+)"', page)[:1]
    cookie = re.findall(r"Set-Cookie: ([^;]+)", page)[0]
    email = f"{field[0]}{len(field)}@example.com"
    statuses = [guess(DIRECT, field.format(f"203.0.113.{host}"), email) for host in range(11)]
    assert 429 in statuses  # of the tenth on, or of the first when others have used up the address's limit
    through = [guess(PROXY, f"X-Forwarded-For: 203.0.113.{host}\r\n", email) for host in range(11)]
    assert set(through) == {401}


def test_an_address_of_another_machine_is_refused_at_the_start_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
        cwd=ROOT,
        env={
            **bare_environment(),
            "BIND": "203.0.113.1",
            "PORT": str(free_port()),
            "APP_ENV": "test",
            **KEYS,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.startswith("BIND: 203.0.113.1 is no address of this machine")
