"""`flask dead-letters` at the server's command line."""

from __future__ import annotations

import json

from app import create_app
from services.alerts.dead_letters.store import failure, store
from services.core.errors import NeverSent
from services.core.i18n import Text
from services.platform.accounts.accounts import create_account
from services.platform.platform import Platform


def test_a_letter_is_printed_as_json_its_attempts_in_english(platform: Platform) -> None:
    account = create_account(platform, "boss@example.com", "correct horse battery", True)
    away = NeverSent(
        Text("Cannot reach the Bot API server at {url}: {reason}", url="http://x", reason="refused")
    )
    with platform.database.transaction() as session:
        failures = [failure(away), failure(ValueError("on order 123456789:" + "A" * 35))]
        store(session, kind="send", source_id="s:1", error="x", account_id=account.id, failures=failures)
    result = create_app(platform).test_cli_runner().invoke(args=["dead-letters", "show", account.email, "1"])
    first, second = (each["error"] for each in json.loads(result.stdout)["timeline"])
    assert first == "NeverSent: Cannot reach the Bot API server at http://x: refused"
    assert second.startswith("ValueError: on order ")
    assert "AAAA" not in second, "redacted"
