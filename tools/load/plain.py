"""The same visitors without locust, for the suite's short run: `python -m tools.load.plain`, with LOAD_ORDER and LOAD_BOOK set."""

# ruff: noqa: E402 - the sockets are made gevent's before anything takes one
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import urllib3

from tools.load.arrivals import receive
from tools.load.journey import Order


def main() -> None:
    """Let them come and write down what they saw."""
    http = urllib3.PoolManager(maxsize=100, retries=False, timeout=20)

    def get(address: str, headers: Mapping[str, str]) -> tuple[int, str]:
        try:
            answer = http.request("GET", address, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError:
            return 0, ""  # counted as a click without an answer
        return answer.status, answer.headers.get("Location", "")

    def post(address: str, body: Mapping[str, Any]) -> int:
        return http.request("POST", address, json=body).status

    told = json.loads(os.environ["LOAD_ORDER"])
    book = receive(Order(**{**told, "links": tuple(told["links"])}), get, post)
    Path(os.environ["LOAD_BOOK"]).write_text(json.dumps(asdict(book)))


if __name__ == "__main__":
    main()
