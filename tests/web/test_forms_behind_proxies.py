"""Forms over HTTP behind proxies of many habits: they work, or the answer says what the proxy must pass."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from services.core.environment import load_settings
from services.platform.platform import Platform
from tests.blueprints.people import PASSWORD, make_account
from tests.web.test_forged_addresses import PRODUCTION
from tools.benchmarks.servers import gunicorn
from tools.servers.wire import connect, rest

PUBLIC = "https://panel.example"
OWN_HOST = "Host: flotilla-backend:8000\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, redis_url: str) -> Iterator[int]:
    """Production behind a TLS proxy, with PUBLIC_URL and one account."""
    folder = tmp_path_factory.mktemp("forms")
    shutil.copy(sqlite_template, folder / "flotilla.db")
    environ = {**PRODUCTION, "DATA_DIR": str(folder), "REDIS_URL": redis_url, "PUBLIC_URL": PUBLIC}
    platform = Platform(load_settings(environ))
    platform.redis.flushall()
    make_account(platform)
    platform.database.dispose()
    with gunicorn("gunicorn.conf.py", "wsgi:app", environ, folder / "log") as server:
        yield server.port


def ask(port: int, head: str, body: str = "") -> str:
    fields = (
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if body else ""
    )
    forwarded = "" if "X-Forwarded-Proto" in head else "X-Forwarded-Proto: https\r\n"
    request = (
        f"{'POST' if body else 'GET'} /login HTTP/1.1\r\n{head}{forwarded}{fields}Accept-Language: en\r\n"
        f"X-Forwarded-For: 198.51.100.9\r\nConnection: close\r\n\r\n{body}"
    )
    with connect(port) as connection:
        connection.sendall(request.encode())
        return rest(connection).decode()


def sign_in(port: int, host: str, said: str, *, cookie: bool = True) -> tuple[int, str]:
    """Status and text of the answer to the sign-in form, sent with `said` beside what the proxy passes."""
    page = ask(port, host)
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    kept = re.findall(r"Set-Cookie: (__Host-flotilla=[^;]+)", page)[0]
    head = f"{host}{said}" + (f"Cookie: {kept}\r\n" if cookie else "")
    answer = ask(
        port, head, urlencode({"csrf_token": token, "email": "owner@example.com", "password": PASSWORD})
    )
    return int(answer.split(" ", 2)[1]), html.unescape(answer)


WORKING = {
    "a proxy's own host, a browser of today": (OWN_HOST, "Sec-Fetch-Site: same-origin\r\nOrigin: https://elsewhere.example\r\n"),
    "a proxy's own host, an older browser at PUBLIC_URL": (OWN_HOST, f"Origin: {PUBLIC}\r\n"),
    "a proxy's own host, a Referer alone": (OWN_HOST, f"Referer: {PUBLIC}/login?next=/panel\r\n"),
    "a port that the proxy loses": ("Host: other.example\r\n", "Origin: https://other.example:8443\r\n"),
    "a port that the proxy adds": ("Host: other.example:8443\r\n", "Referer: https://other.example/login\r\n"),
    "an address in brackets": ("Host: [2001:db8::1]:8443\r\n", "Origin: https://[2001:db8::1]\r\n"),
    "neither Origin nor Referer": (OWN_HOST, ""),
    "no Referer by policy": (OWN_HOST, "Origin: null\r\n"),
}  # fmt: skip


@pytest.mark.parametrize(("host", "said"), WORKING.values(), ids=WORKING)
def test_a_form_of_ours_is_taken_whatever_the_proxy_does_to_its_host(port: int, host: str, said: str) -> None:
    assert sign_in(port, host, said)[0] == 302


REFUSED = {
    "a proxy's own host without PUBLIC_URL": (
        OWN_HOST, "Origin: https://other.example:8443\r\n",
        "this page is at https://other.example:8443, but the request came for the host flotilla-backend:8000. "
        "If https://other.example:8443 is the right address, set PUBLIC_URL to it, or have the proxy pass the browser's Host on"),
    "a page of http": ("Host: other.example\r\n", "Referer: http://other.example/login\r\n", "open it by an address that begins with https://"),
    "another site": (OWN_HOST, "Sec-Fetch-Site: cross-site\r\n", "sent by a page of another site"),
    "another page of the site": (f"Host: {PUBLIC[8:]}\r\n", f"Sec-Fetch-Site: same-site\r\nOrigin: {PUBLIC}\r\n", "sent by a page of another site"),
    "a broken Origin": (OWN_HOST, "Origin: https://[::1\r\n", "open it by an address"),
    "no TLS known of": ("Host: a.example\r\nX-Forwarded-Proto: http\r\n", "Sec-Fetch-Site: cross-site\r\n", "another site"),
}  # fmt: skip


@pytest.mark.parametrize(("host", "said", "words"), REFUSED.values(), ids=REFUSED)
def test_what_may_be_no_form_of_ours_is_refused_with_what_to_do(
    port: int, host: str, said: str, words: str
) -> None:
    status, answer = sign_in(port, host, said)
    assert status == 400
    assert words in answer
    assert "out of date" not in answer


def test_a_form_without_its_cookie_is_told_why_there_may_be_none(port: int) -> None:
    _, over_http = sign_in(port, "Host: a.example\r\n", "Origin: http://a.example\r\n", cookie=False)
    assert "works over https alone" in over_http
    _, over_https = sign_in(port, "Host: a.example\r\n", "Origin: https://a.example\r\n", cookie=False)
    assert "pass Cookie and Set-Cookie on" in over_https
