# mypy: ignore-errors
"""The visitors as locust runs them, from an environment of its own: `make load`.

One user of locust's lets all visitors come, in an open loop: locust's own users wait for their answers before they ask again,
which hides whatever is slow. LOAD_ORDER holds the order, LOAD_BOOK the file for what was seen.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from locust import FastHttpUser, task

from tools.load.arrivals import receive
from tools.load.journey import Order


class Crowd(FastHttpUser):
    """All visitors."""

    fixed_count = 1
    concurrency = 500
    host = "http://127.0.0.1"
    network_timeout = 20.0

    def on_start(self) -> None:
        """Follow no redirect: locust's switch for it belongs to the client, which all visitors share."""
        self.client.client.redirect_response_codes = frozenset()

    @task
    def come(self) -> None:
        """Let them come, write down what they saw, end."""
        told = json.loads(os.environ["LOAD_ORDER"])
        book = receive(Order(**{**told, "links": tuple(told["links"])}), self._get, self._post)
        Path(os.environ["LOAD_BOOK"]).write_text(json.dumps(asdict(book)))
        self.environment.runner.quit()

    def _get(self, address, headers):
        with self.client.get(
            address, headers=dict(headers), allow_redirects=False, name="GET /go", catch_response=True
        ) as answer:
            if answer.status_code == 302:
                answer.success()
            return answer.status_code, (answer.headers or {}).get("Location", "")

    def _post(self, address, body):
        return self.client.post(address, json=dict(body), name="at the sandbox").status_code
