"""Bodies of requests for the crawl over tenants."""

from __future__ import annotations

# What passes the check of the body where an empty one does not: only then is the id looked at.
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("PATCH", "/bots/<bot_id>"): {"name": "Mine"},
    ("PUT", "/bots/<bot_id>/plugins"): {"plugins": []},
    ("POST", "/bots/<bot_id>/plugins/check"): {"plugins": []},
    ("POST", "/bots/<bot_id>/plugins/chat"): {"plugins": [], "steps": []},
    ("PUT", "/bots/<bot_id>/follows"): {"pool_id": None},
    ("PUT", "/bots/<bot_id>/texts"): {"document": ""},
    ("POST", "/bots/<bot_id>/behaviour/apply"): {"bot_ids": [1]},
    ("PUT", "/bots/<bot_id>/configuration"): {"document": "name: x"},
    ("POST", "/bots/<bot_id>/texts/check"): {"document": ""},
    ("POST", "/bots/<bot_id>/texts/preview"): {"plugin": "start"},
    ("POST", "/bots/<bot_id>/texts/test"): {"plugin": "start", "field": "x", "telegram_id": 5},
    ("PUT", "/bots/<bot_id>/token"): {"token": f"1:{'A' * 24}"},
    ("PATCH", "/postbacks/<int:postback_id>"): {"name": "Mine"},
    ("PATCH", "/payment-webhooks/<int:webhook_id>"): {"name": "Mine"},
    ("POST", "/payment-webhooks/<int:webhook_id>/test"): {"body": "{}"},
    ("POST", "/redirect-pools/<int:pool_id>/bots"): {"bot_id": 1},
    ("PUT", "/redirect-pools/<int:pool_id>/behaviour"): {"behaviour": {}},
    ("PUT", "/redirect-pools/<int:pool_id>/rules"): {"rules": []},
}
