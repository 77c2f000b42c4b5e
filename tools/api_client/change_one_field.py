"""A program by somebody else, run where the generated client lies: makes a pool and a member, changes one field of each.

    API_KEY=flk_… python change_one_field.py URL BOT_ID

Prints, as JSON, each object's fields before and after the change, as the client read them.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

PACKAGE = "flotilla_client"  # made by the generator, so nothing here can be imported by name beforehand
POOL = {"name": "Red", "slug": "red1", "strategy": "weighted", "sticky": True, "start_param": "promo", "max_bots": 7,
        "rate_limit_per_minute": 90, "over_limit": "redirect", "critical_below_percent": 30,
        "fallback_url": "https://example.org/later"}  # fmt: skip
ENUMS = {"strategy": "Strategy", "over_limit": "OverLimit"}
MEMBER = {"weight": 5, "priority": -1, "is_enabled": False, "capacity_per_hour": 1200}


def change_one_field(url: str, bot_id: str, key: str) -> dict[str, Any]:
    """What was read before and after each change: member, pool and the pool's list."""
    client = importlib.import_module(PACKAGE).AuthenticatedClient(base_url=url, token=key)
    with client:
        pool_id = _call(client, "create", body=_model("NewPool", POOL))["id"]
        _call(client, "add_bot", pool_id, body=_model("NewMember", {"bot_id": bot_id, **MEMBER}))
        before = _call(client, "show", pool_id)
        _call(client, "change_bot", pool_id, bot_id, body=_model("MemberChange", {"draining": True}))
        drained = _call(client, "show", pool_id)
        _call(client, "change", pool_id, body=_model("PoolChange", {"name": "Blue"}))
        renamed = _call(client, "show", pool_id)
        listed = _call(client, "index")["items"]
    return {"before": before, "drained": drained, "renamed": renamed, "listed": listed}


def _model(name: str, fields: dict[str, Any]) -> Any:
    """As a program writes it, `MemberChange(draining=True)`: what it leaves out becomes the default of the document."""
    models = importlib.import_module(f"{PACKAGE}.models")
    return getattr(models, name)(
        **{
            field: getattr(models, ENUMS[field])(value) if field in ENUMS else value
            for field, value in fields.items()
        }
    )


def _call(client: Any, name: str, *path: Any, **more: Any) -> dict[str, Any]:
    operation = importlib.import_module(f"{PACKAGE}.api.pools.pools_{name}")
    answer = operation.sync_detailed(*path, client=client, **more)
    if answer.status_code >= 300 or answer.parsed is None:
        raise SystemExit(f"{name}: {answer.status_code} {answer.content!r}")
    found: dict[str, Any] = answer.parsed.to_dict()
    return found


if __name__ == "__main__":
    address, bot = sys.argv[1:]
    print(json.dumps(change_one_field(address, bot, os.environ["API_KEY"])))
