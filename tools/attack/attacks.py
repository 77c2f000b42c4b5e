"""All attacks, in the order in which they are made."""

from __future__ import annotations

from tools.attack import forwarded_headers, half_requests, hostile_updates, long_texts, sign_ins, tenants
from tools.attack.result import Attack

ATTACKS = (
    Attack("hostile updates by webhook", hostile_updates.by_webhook),
    Attack("hostile updates by polling", hostile_updates.by_polling),
    Attack("half requests", half_requests.drip),
    Attack("long texts", long_texts.write_long),
    Attack("sign-in flood", sign_ins.flood),
    Attack("forged forwarding headers", forwarded_headers.forge),
    Attack("two tenants", tenants.crawl),
)
