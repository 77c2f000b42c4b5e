"""docs/notifications.md lists every kind with its level, and its example checks what we sign."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from services.alerts.notifications.destinations.webhook import new_secret, sign
from services.alerts.notifications.kinds import ALARMS_OF, Kind

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "notifications.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (\w+)(?: of (.+?))? \|", re.MULTILINE)


def test_every_kind_is_documented_with_its_level_and_what_it_ends() -> None:
    documented = {
        kind: (level, re.findall(r"`(\w+)`", ends))
        for kind, level, ends in ROW.findall(TEXT)
        if kind in set(Kind)
    }
    assert documented == {
        str(kind): (str(kind.level), [str(alarm) for alarm in ALARMS_OF.get(kind, ())]) for kind in Kind
    }


def test_the_example_accepts_our_signature_and_nothing_else() -> None:
    example: dict[str, Any] = {}
    (source,) = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)
    exec(source, example)
    is_genuine, secret, now = example["is_genuine"], new_secret(), int(time.time())
    assert is_genuine(secret, sign(secret, b"{}", now), b"{}")
    assert not is_genuine(secret, sign(secret, b"{}", now), b"{ }")
    assert not is_genuine(secret, sign(new_secret(), b"{}", now), b"{}")
    assert not is_genuine(secret, sign(secret, b"{}", now - 1000), b"{}")
