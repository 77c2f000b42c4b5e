"""The Caddyfile, with the real Caddy: validated, and before the real product on loopback, with its own authority."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from launch.ports import free_port
from launch.startup import wait_for_web
from services.core.settings import Settings
from tests.architecture.source import ROOT

CADDY = Path(sys.executable).parent / "caddy"
CADDYFILE = ROOT / "deploy/Caddyfile"


def caddy(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CADDY, *arguments], env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("host", ["localhost", "flotilla.example.com"])
def test_caddy_accepts_it(host: str, tmp_path: Path) -> None:
    done = caddy(
        "validate",
        "--config",
        str(CADDYFILE),
        FLOTILLA_HOST=host,
        XDG_DATA_HOME=str(tmp_path),
        HOME=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert "Valid configuration" in done.stdout + done.stderr


def test_it_is_written_as_caddy_formats_it() -> None:
    assert caddy("fmt", str(CADDYFILE)).stdout == CADDYFILE.read_text()


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that came."""

    def do_GET(self) -> None:
        body = json.dumps(self.headers.items()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def running(folder: Path, web: int, http: int, https: int) -> Iterator[ssl.SSLContext]:
    """Caddy with the project's file on other ports; gives the trust in its own authority."""
    places = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    environ = {**os.environ, **places, "FLOTILLA_WEB": "127.0.0.1", "FLOTILLA_WEB_PORT": str(web)}
    options = f"{{\n\thttp_port {http}\n\thttps_port {https}\n\tadmin off\n\tskip_install_trust\n}}\n"
    (folder / "Caddyfile").write_text(options + CADDYFILE.read_text())
    with (folder / "caddy.log").open("wb") as log:
        command = [str(CADDY), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    try:
        yield _trust(folder / "caddy/pki/authorities/local/root.crt", https)
    finally:
        process.terminate()
        process.wait(20)


def _trust(authority: Path, port: int) -> ssl.SSLContext:
    """Once a certificate of the authority is served."""
    deadline = time.monotonic() + 20
    while True:
        with suppress(OSError):
            trust = ssl.create_default_context(cafile=str(authority))
            HTTPSConnection("localhost", port, context=trust, timeout=2).connect()
            return trust
        assert time.monotonic() < deadline, "Caddy serves no certificate"
        time.sleep(0.1)


def test_http_goes_to_https_and_forwarding_headers_of_clients_are_not_passed_on(tmp_path: Path) -> None:
    http, https = free_port(), free_port()
    echo = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=echo.serve_forever, daemon=True).start()
    try:
        with running(tmp_path, echo.server_port, http, https) as trust:
            plain = HTTPConnection("localhost", http, timeout=10)
            plain.request("GET", "/go/red1?x=1")
            answer = plain.getresponse()
            assert (answer.status, answer.getheader("Location")) == (308, "https://localhost/go/red1?x=1")
            over_tls = HTTPSConnection("localhost", https, context=trust, timeout=10)
            over_tls.request(
                "GET", "/", headers={"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http"}
            )
            came = dict(json.loads(over_tls.getresponse().read()))
    finally:
        echo.shutdown()
        echo.server_close()
    assert came["X-Forwarded-For"] in ("127.0.0.1", "::1")
    assert came["X-Forwarded-Proto"] == "https"
    assert came["Host"] == f"localhost:{https}"


def test_the_product_is_served_over_tls(settings: Settings, tmp_path: Path) -> None:
    web, http, https = free_port(), free_port(), free_port()
    with web_process(settings, web, https), running(tmp_path, web, http, https) as trust:
        over_tls = HTTPSConnection("localhost", https, context=trust, timeout=30)
        over_tls.request("GET", "/setup")
        answer = over_tls.getresponse()
        assert b'name="code"' in answer.read()
        assert (answer.status, answer.getheader("Server")) == (200, None)
        over_tls.request("GET", "/metrics")  # not as a program of this machine
        assert over_tls.getresponse().status in (401, 403)


@contextmanager
def web_process(settings: Settings, port: int, https: int) -> Iterator[None]:
    """The product's own, as the production overlay sets it."""
    environ = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "PORT": str(port),
        "TRUSTED_PROXIES": "1",
        "PUBLIC_URL": f"https://localhost:{https}",
        "METRICS_TOKEN": "t" * 32,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ)
    try:
        assert wait_for_web(f"http://127.0.0.1:{port}", lambda: process.poll() is None)
        yield
    finally:
        process.terminate()
        process.wait(20)
