"""All attacks, in the order in which they are made."""

from __future__ import annotations

from tools.attack import hostile_updates
from tools.attack.result import Attack

ATTACKS = (
    Attack("hostile updates by webhook", hostile_updates.by_webhook),
    Attack("hostile updates by polling", hostile_updates.by_polling),
)
