"""When a consumer that has been in its lane for long hands it back."""

from __future__ import annotations

import time

import pytest

from services.platform.platform import Platform
from services.platform.redis.lease_renewer import HeldLease
from services.platform.redis.leases import Lease
from services.queueing.stay import Stay


def test_the_lease_is_asked_for_now_and_then_and_at_last_for_good(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is slow at work goes on between the wishes, and everybody else with it; but not for ever."""
    lease = Lease.take(platform.redis, "test", ttl_seconds=4.0)
    assert lease is not None
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stay = Stay(HeldLease(lease, 1000.0, lambda _held: None, lambda: None), longest=60.0)

    def wanted_after(seconds: float) -> bool:
        now[0] = 1000.0 + seconds
        return stay.wanted_back

    moments = {59.0: False, 60.5: True, 61.6: False, 75.0: False, 75.6: True, 77.0: False, 120.5: True}
    assert {at: wanted_after(at) for at in moments} == moments
    assert all(wanted_after(at) for at in (122.0, 130.0, 149.0))
    assert not stay.is_over
    assert wanted_after(151.0)
    assert stay.is_over
