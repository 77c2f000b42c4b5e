"""The next release that the harness plays must differ from this one in what it writes, or it proves nothing."""

from __future__ import annotations

import pytest

from services.platform.redis import schema_version
from tools.chaos import newer


def test_the_next_release_writes_its_version_and_this_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_version, "VERSION", schema_version.VERSION)
    for module, name, _ in newer.CHANGES:
        monkeypatch.setattr(module, name, getattr(module, name))
    mark = f"'v', '{newer.VERSION}'"
    assert not any(mark in getattr(module, name).text for module, name, _ in newer.CHANGES)
    newer.speak()
    assert all(getattr(module, name).text.count(mark) == 1 for module, name, _ in newer.CHANGES)
    assert not schema_version.is_newer({"v": str(newer.VERSION)})
