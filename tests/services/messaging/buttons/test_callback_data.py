"""Signed callback_data: what is packed opens for whom it was made, and for nobody else."""

from __future__ import annotations

import random
import string

import pytest

from plugins.buttons import Button
from services.core.encryption import Vault
from services.core.settings import Settings
from services.messaging.buttons.callback_data import CallbackSigner, Opened, Switch
from services.messaging.buttons.signing import pack as pack_button
from services.messaging.limits.verdicts import Refusal

OLD = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NEW = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NOW = 1_800_000_000
WHO = {"bot_id": 7, "user_id": 5_000_000_001, "chat_id": -1_001_234_567_890}


@pytest.fixture
def signer() -> CallbackSigner:
    """With one key."""
    return CallbackSigner(Vault((OLD,)))


def pack(signer: CallbackSigner, action: str = "buy", payload: str = "", **changes: int) -> str:
    """callback_data that lives for 300 s."""
    switches = Switch(changes.pop("switches", 0))
    return signer.pack(
        **{**WHO, **changes}, action=action, payload=payload, expires_at=NOW + 300, switches=switches
    )


def test_what_is_packed_opens_unchanged_and_fits_telegram(signer: CallbackSigner) -> None:
    chance = random.Random(1)
    for _ in range(500):
        action = "".join(chance.choices(string.ascii_letters + "._-", k=chance.randint(1, 20)))
        payload = "".join(chance.choices("abc:;é\n!", k=chance.randint(0, 11)))
        data = pack(signer, action, payload, switches=Switch.ONCE)
        assert len(data.encode()) <= 64
        opened = signer.open(data, **WHO, now=NOW)
        assert isinstance(opened, Opened)
        assert (opened.action, opened.payload, opened.once) == (action, payload, True)
        assert opened.expires_at == NOW + 300


def test_no_byte_of_it_can_be_changed(signer: CallbackSigner) -> None:
    data = pack(signer, "buy", "12")
    letters = string.ascii_letters + string.digits + "!_-:."
    for place in range(len(data)):
        for letter in letters.replace(data[place], ""):
            forged = data[:place] + letter + data[place + 1 :]
            assert signer.open(forged, **WHO, now=NOW) is Refusal.FORGED
    assert signer.open(data + "0", **WHO, now=NOW) is Refusal.FORGED
    assert signer.open(data[:-1], **WHO, now=NOW) is Refusal.FORGED


@pytest.mark.parametrize("foreign", [{"bot_id": 8}, {"user_id": 6}, {"chat_id": 5}])
def test_another_bot_user_or_chat_cannot_use_it(signer: CallbackSigner, foreign: dict[str, int]) -> None:
    assert signer.open(pack(signer), **{**WHO, **foreign}, now=NOW) is Refusal.FORGED


def test_a_button_for_everybody_works_for_all_in_its_chat_only(signer: CallbackSigner) -> None:
    data = pack(signer, user_id=0)
    for user in (5, 6):
        assert isinstance(signer.open(data, **{**WHO, "user_id": user}, now=NOW), Opened)
    assert signer.open(data, **{**WHO, "chat_id": 5}, now=NOW) is Refusal.FORGED


def test_it_expires_to_the_second(signer: CallbackSigner) -> None:
    data = pack(signer)
    assert isinstance(signer.open(data, **WHO, now=NOW + 299.9), Opened)
    assert signer.open(data, **WHO, now=NOW + 300) is Refusal.EXPIRED


def test_keys_can_be_rotated_and_withdrawn(signer: CallbackSigner) -> None:
    data = pack(signer)
    assert isinstance(CallbackSigner(Vault((NEW, OLD))).open(data, **WHO, now=NOW), Opened)
    assert CallbackSigner(Vault((NEW,))).open(data, **WHO, now=NOW) is Refusal.FORGED


def test_a_button_whose_time_is_over_when_it_is_made_is_kept_for_a_moment_and_breaks_nothing(
    settings: Settings,
) -> None:
    button = Button("buy", "x" * 500, user_id=5, chat_id=6, seconds=-3600)
    _, kept = pack_button(CallbackSigner(Vault((OLD,))), settings, 7, button)
    assert kept is not None
    assert kept.seconds == 61


def test_too_long_and_nameless_is_refused_when_packed(signer: CallbackSigner) -> None:
    pack(signer, "a" * 32, "b" * 11)
    with pytest.raises(ValueError, match="65 bytes"):
        pack(signer, "a" * 32, "b" * 12)
    for action in ("", "a b", "a:b", "a" * 33, "é"):
        with pytest.raises(ValueError, match="no action"):
            pack(signer, action)


def test_junk_is_forged_not_an_error(signer: CallbackSigner) -> None:
    chance = random.Random(2)
    for length in range(65):
        junk = "!" + "".join(chance.choices(string.printable, k=length))
        assert signer.open(junk, **WHO, now=NOW) is Refusal.FORGED
