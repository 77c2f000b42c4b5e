"""The Bot API sandbox as its own process, and a small client of its control API."""

from __future__ import annotations

import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

START_SECONDS = 30.0
# Between looks at what is waited for: often at first, and seldom where it takes long, for most looks are requests or queries.
SHORTEST_PAUSE_SECONDS, PAUSE_FACTOR, LONGEST_PAUSE_SECONDS = 0.005, 1.3, 0.06


class Sandbox:
    """What a test makes happen at "Telegram", and what it sees there. Names of bots are usernames or ids."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = urllib3.PoolManager(retries=False, timeout=10)

    def reset(self) -> None:
        """Forget every bot, person, fault and journal entry."""
        self.post("/reset")

    def create_bot(self, **spec: Any) -> dict[str, Any]:
        """A new bot: {id, username, token, …}. `spec` may give username, first_name, token, strict."""
        return dict(self.post("/bots", spec)["bots"][0])

    def bot(self, name: str | int) -> dict[str, Any]:
        """A bot as it is now: status, webhook_url, pending_update_count …"""
        return dict(self.get(f"/bots/{name}")["bot"])

    def revoke(self, name: str | int) -> None:
        """Its token answers 401 from now on."""
        self.post(f"/bots/{name}/revoke")

    def restore(self, name: str | int) -> None:
        """Undo `revoke` and `freeze`."""
        self.post(f"/bots/{name}/restore")

    def freeze(self, name: str | int) -> None:
        """Its account answers 400 FROZEN_METHOD_INVALID from now on."""
        self.post(f"/bots/{name}/freeze")

    def rotate(self, name: str | int) -> str:
        """Give it another token; the new one."""
        return str(self.post(f"/bots/{name}/rotate")["bot"]["token"])

    def fault(self, kind: str, **spec: Any) -> None:
        """The next matching calls go wrong: status, timeout, reset, delay, 429, garbage (see tools/sandbox/faults.py)."""
        self.post("/faults", {"kind": kind, **spec})

    def clear_faults(self) -> None:
        """End all faults."""
        self._request("DELETE", "/faults")

    def create_user(self, **spec: Any) -> dict[str, Any]:
        """A new person: {id, first_name, …}."""
        return dict(self.post("/users", spec)["user"])

    def send(self, user_id: int, bot: str | int, text: str) -> int:
        """A person writes to a bot; the message id."""
        return int(self.post(f"/chats/{user_id}/{bot}/send", {"text": text})["message_id"])

    def send_file(
        self, user_id: int, bot: str | int, kind: str, content: bytes, name: str = "file"
    ) -> dict[str, Any]:
        """A person sends a file (kind: photo, document …); Telegram's message."""
        spec = {"kind": kind, "name": name, "content": b64encode(content).decode()}
        return dict(self.post(f"/chats/{user_id}/{bot}/file", spec)["message"])

    def start(self, user_id: int, bot: str | int, payload: str = "") -> int:
        """A person presses Start, with a payload as a link carries it; the message id."""
        return int(self.post(f"/chats/{user_id}/{bot}/start", {"payload": payload})["message_id"])

    def press(self, user_id: int, bot: str | int, message_id: int, data: str) -> str:
        """A person presses an inline button; the callback query's id."""
        answer = self.post(f"/chats/{user_id}/{bot}/press", {"message_id": message_id, "data": data})
        return str(answer["callback_query_id"])

    def block(self, user_id: int, bot: str | int) -> None:
        """A person blocks a bot."""
        self.post(f"/chats/{user_id}/{bot}/block")

    def inject(self, bot: str | int, *updates: dict[str, Any]) -> list[int | None]:
        """Queue raw updates at a bot; their ids."""
        return list(self.post(f"/updates/{bot}", {"updates": list(updates)})["update_ids"])

    def transcript(self, user_id: int, bot: str | int) -> list[dict[str, Any]]:
        """All messages of a chat in order: {direction, kind, text, buttons, …}."""
        return list(self.get(f"/chats/{user_id}/{bot}")["messages"])

    def sent(self, bot: str | int = "", method: str = "") -> list[dict[str, Any]]:
        """The accepted sending calls: {bot, method, chat_id, text, params, time}."""
        return list(self.get("/sent", bot=str(bot), method=method)["sent"])

    def calls(self, method: str) -> int:
        """How often a method was called since the reset, with whatever outcome."""
        return sum(self.stats()["calls"].get(method, {}).values())

    def stats(self) -> dict[str, Any]:
        """All counters."""
        return self.get("/stats")

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """A control call that looks."""
        return self._request("GET", path, fields=query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """A control call that acts."""
        return self._request("POST", path, json=body or {})

    def _request(self, verb: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._http.request(verb, f"{self.url}/sandbox/api{path}", **options)
        assert answer.status < 300, (path, answer.status, answer.data[:300])
        return dict(answer.json())


@contextmanager
def running_sandbox(folder: Path, *options: str) -> Iterator[Sandbox]:
    """Run a sandbox without bots on a free port; `options` are its command line's."""
    ready = folder / "sandbox.url"
    command = [
        sys.executable,
        "-m",
        "tools.sandbox",
        "--port",
        "0",
        "--bots",
        "0",
        "--ready-file",
        str(ready),
    ]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    try:
        wait_until(ready.exists, seconds=START_SECONDS)
        yield Sandbox(ready.read_text())
    finally:
        process.terminate()
        process.wait(10)


def wait_until(reached: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """Wait for a true value and return it; AssertionError when `seconds` are over."""
    deadline, pause = time.monotonic() + seconds, SHORTEST_PAUSE_SECONDS
    while not (value := reached()):
        assert time.monotonic() < deadline, f"not reached in {seconds} s"
        time.sleep(pause)
        pause = min(pause * PAUSE_FACTOR, LONGEST_PAUSE_SECONDS)
    return value
