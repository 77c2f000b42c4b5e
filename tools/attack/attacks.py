"""All attacks, in the order in which they are made."""

from __future__ import annotations

from tools.attack import (
    api_fuzz,
    canaries,
    clocks,
    forwarded_headers,
    half_requests,
    hostile_updates,
    long_texts,
    sign_ins,
    stores,
    tenants,
    worker_token,
)
from tools.attack.result import POSTGRESQL, SQLITE, Attack

ATTACKS = (
    Attack("hostile updates by webhook", hostile_updates.by_webhook),
    Attack("hostile updates by polling", hostile_updates.by_polling),
    Attack("half requests", half_requests.drip),
    Attack("long texts", long_texts.write_long),
    Attack("sign-in flood", sign_ins.flood),
    Attack("forged forwarding headers", forwarded_headers.forge),
    Attack("two tenants", tenants.crawl),
    Attack("a worker's token", worker_token.turn_on_the_house),
    Attack("canaries", canaries.plant),
    Attack("API fuzz", api_fuzz.fuzz),
    Attack("flood of Idempotency-Keys", stores.flood_keys),
    Attack("Redis at its maxmemory", stores.fill_redis),
    Attack("clock jumps", clocks.jump),
    Attack("PostgreSQL killed", stores.kill_postgres, (POSTGRESQL,), POSTGRESQL),
    Attack("full disk", stores.fill_disk, (SQLITE,), prepared=stores.small_disk),
)
