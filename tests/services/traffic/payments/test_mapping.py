"""What a provider's body comes to, whose signature is believed, and what is kept of a body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from pydantic import ValidationError

from services.traffic.payments.mapping import Mapping, Unfit, read_body
from services.traffic.payments.masking import masked
from services.traffic.payments.signatures import SignedBy, is_signed

BODY: dict[str, Any] = {
    "id": "evt_1",
    "status": "paid",
    "payer": {"name": "Ana Silva", "document": "123.456.789-00"},
    "items": [{"metadata": {"telegram": "5", "click": "acesso_abcdefghijkl"}}],
    "amount": 1990,
    "currency": "brl",
}
PIX = Mapping(
    person="items.0.metadata.telegram",
    click="items.0.metadata.click",
    event_id="id",
    value="amount",
    currency="currency",
    is_in_cents=True,
    only_field="status",
    only_value="paid",
    refund_value="refunded",
)


def test_a_body_is_read_by_its_paths() -> None:
    found = read_body(PIX, BODY)
    assert found is not None
    assert (found.event_id, found.goal, found.amount_micros, found.currency) == (
        "evt_1",
        "purchase",
        19_900_000,
        "BRL",
    )
    assert (found.telegram_id, found.click) == (5, "acesso_abcdefghijkl")
    refund = read_body(PIX, {**BODY, "status": "refunded"})
    assert refund is not None
    assert (refund.event_id, refund.amount_micros, refund.takes_back) == (
        "evt_1:refund",
        -19_900_000,
        "evt_1",
    )
    assert read_body(PIX, {**BODY, "status": "waiting"}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": {"a": 1}},
        {"amount": "19,90"},
        {"currency": "R$"},
        {"items": []},
        {"amount": 10**20},
    ],
)
def test_what_does_not_fit_says_why(change: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        read_body(PIX, {**BODY, **change})


@pytest.mark.parametrize(
    "fields",
    [
        {"event_id": "id"},
        {"person": "a", "event_id": ""},
        {"person": "a", "event_id": "b", "value": "c"},
        {"person": "a..b", "event_id": "b"},
    ],
)
def test_a_mapping_that_could_read_nothing_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Mapping(**fields)


def test_of_a_body_only_what_the_mapping_reads_is_kept() -> None:
    kept = masked(json.dumps(BODY).encode(), PIX)
    assert "Ana" not in kept
    assert "123" not in kept
    shown = json.loads(kept)
    assert (shown["id"], shown["amount"], shown["payer"]) == ("evt_1", 1990, {"name": "…", "document": "…"})
    assert masked(b"not json", PIX) == "(8 bytes)"


def signature(text: bytes, secret: str = "s3cret") -> bytes:
    return hmac.new(secret.encode(), text, hashlib.sha256).digest()


def test_signatures_are_believed_in_every_form_and_nothing_else_is() -> None:
    body, now = b'{"a":1}', 1_800_000_000.0
    plain, timed = SignedBy("s3cret", "X-Sig"), SignedBy("s3cret", "X-Sig", "X-Time")
    good = signature(body)
    for given in (good.hex(), f"sha256={good.hex()}", good.hex().upper(), base64.b64encode(good).decode()):
        assert is_signed(plain, {"X-Sig": given}, body, now)
        assert not is_signed(plain, {"X-Sig": given}, body + b" ", now)
        assert not is_signed(timed, {"X-Sig": given}, body, now)  # no time beside it
    for given in ("", "sha256=", "é", good.hex()[:-1], signature(body, "other").hex()):
        assert not is_signed(plain, {"X-Sig": given}, body, now)
    stamped = signature(b"1799999800." + body).hex()
    assert is_signed(plain, {"X-Sig": f"t=1799999800,v1={stamped}"}, body, now)
    assert is_signed(timed, {"X-Sig": stamped, "X-Time": "1799999800"}, body, now)
    assert not is_signed(plain, {"X-Sig": f"t=1799999800,v1={stamped}"}, body, now + 200)  # too old
    assert not is_signed(plain, {"X-Sig": f"t=1799999801,v1={stamped}"}, body, now)
