"""`make demo`: a sample fleet on the sandbox, in a DATA_DIR that only a demo may erase."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from launch.ports import free_port
from tests.launch.installation import START_SECONDS, Installation, running, wait_until


def test_a_demo_sends_people_to_the_sandbox_and_its_visitors_come(tmp_path: Path) -> None:
    # An environment that points at a real database must not matter.
    address = f"postgresql://127.0.0.1:{free_port()}/real"
    with running(tmp_path / "demo", free_port(), "demo", DATABASE_URL=address) as demo:
        assert "demo@example.com" in demo.output()
        # A new member gets no traffic before its first good check.
        wait_until(lambda: click(demo).status == 302, 30, "a bot that may be chosen")
        link = urlsplit(click(demo).headers["Location"])
        assert link.netloc.startswith("127.0.0.1:")
        assert link.path.endswith("_bot")
        wait_until(lambda: "[    0 s]" in demo.output(), 40, "the visitors' story")
        assert "one-time setup code" not in demo.output()
        wait_until(
            lambda: figures(demo) == FIGURES, START_SECONDS, lambda: f"{figures(demo)}\n{demo.output()}"
        )


def test_a_demo_does_not_erase_another_installation(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "flotilla.db").write_text("precious")
    demo = Installation(data_dir, free_port(), "demo")
    assert demo.process.wait(20) == 2
    assert "DATA_DIR: " in demo.output()
    assert (data_dir / "flotilla.db").read_text() == "precious"


# What the panel has to show: two pools, one of them with a reserve, an experiment that runs, a chat that alerts go to,
# visitors of several countries and addresses in both pools, people who started a bot.
FIGURES = {
    "SELECT count(*) FROM redirect_pools": (2,),
    "SELECT count(*) FROM pool_bots WHERE priority = -1": (1,),
    "SELECT is_active FROM experiments": (1,),
    "SELECT kind, address <> '' FROM notification_destinations": ("telegram", 1),
    "SELECT count(DISTINCT country) > 1, count(DISTINCT unique_hash) > 4, count(DISTINCT pool_id) FROM clicks": (
        1,
        1,
        2,
    ),
    "SELECT count(*) > 0 FROM leads": (1,),
}


def figures(demo: Installation) -> dict[str, tuple[object, ...]]:
    """The answers of the demo's database now."""
    with closing(sqlite3.connect(f"file:{demo.data_dir}/flotilla.db?mode=ro", uri=True)) as database:
        return {query: database.execute(query).fetchone() for query in FIGURES}


def click(demo: Installation) -> HTTPResponse:
    """A person's click on `/go/red1`."""
    connection = HTTPConnection("127.0.0.1", demo.port, timeout=5)
    connection.request(
        "GET", "/go/red1", headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    )
    return connection.getresponse()
