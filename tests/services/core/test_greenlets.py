"""A process patches itself without asking every installed package."""

from __future__ import annotations

import subprocess
import sys

import pytest

PATCHED = """
from importlib import metadata
asked = []
metadata.entry_points = lambda **chosen: asked.append(chosen) or []
from {module} import patch
patch()
from gevent import events, monkey
assert all(map(monkey.is_module_patched, ("socket", "ssl", "threading", "time", "select", "queue")))
assert asked == []
events.notify_and_call_entry_points(events.GeventDidPatchBuiltinModulesEvent({{}}, {{}}))
assert len(asked) == 1
"""


@pytest.mark.parametrize("module", ["services.core.greenlets", "tools.sandbox.greenlets"])
def test_all_is_patched_and_no_package_is_asked(module: str) -> None:
    subprocess.run([sys.executable, "-c", PATCHED.format(module=module)], check=True, timeout=60)
