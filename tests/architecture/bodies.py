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
    ("PATCH", "/flows/<int:flow_id>"): {"name": "Mine"},
    ("PUT", "/flows/<int:flow_id>/draft"): {"document": {}, "revision": 1},
    ("POST", "/flows/<int:flow_id>/publish"): {"revision": 1, "version": None},
    ("POST", "/flows/<int:flow_id>/start"): {"people": [{"bot_id": 1, "telegram_id": 5}]},
    ("POST", "/flows/<int:flow_id>/versions/<int:number>/restore"): {"version": None},
    ("PUT", "/flows/<int:flow_id>/yaml"): {"document": "start: a\nsteps: [{key: a}]", "revision": 1},
    ("PUT", "/flows/<int:flow_id>/texts"): {"document": ""},
    ("POST", "/flows/<int:flow_id>/texts/check"): {"document": ""},
    ("POST", "/broadcasts/<int:broadcast_id>/test"): {"bot_id": 1, "telegram_id": 5},
    ("PATCH", "/postbacks/<int:postback_id>"): {"name": "Mine"},
    ("PATCH", "/payment-webhooks/<int:webhook_id>"): {"name": "Mine"},
    ("POST", "/payment-webhooks/<int:webhook_id>/test"): {"body": "{}"},
    ("POST", "/redirect-pools/<int:pool_id>/bots"): {"bot_id": 1},
    ("PUT", "/redirect-pools/<int:pool_id>/behaviour"): {"behaviour": {}},
    ("PUT", "/redirect-pools/<int:pool_id>/rules"): {"rules": []},
    ("POST", "/people/changes"): {"action": "tag", "tag": "x", "lead_ids": []},
    ("PATCH", "/segments/<int:segment_id>"): {"name": "Mine"},
    ("POST", "/conversations/<int:conversation_id>/answers"): {
        "text": "x",
        "form_key": "a-form-key",
        "revision": 1,
    },
    ("PUT", "/conversations/<int:conversation_id>/assignment"): {"name": "Ana", "revision": 1},
    ("PUT", "/bots/<bot_id>/messages"): {"keeps_messages": True},
}
