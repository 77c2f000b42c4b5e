"""Hashes beside the event loop of a web process."""

from __future__ import annotations

import os
import subprocess
import sys

from launch.programs import ROOT

AT_ONCE = """
from gevent import monkey
monkey.patch_all()
import threading
import time
import gevent
from services.platform.accounts import passwords

running, most, lock = [], [], monkey.get_original("threading", "Lock")()

def hash_slowly(number):
    with lock:
        running.append(number)
        most.append(len(running))
    monkey.get_original("time", "sleep")(0.02)
    with lock:
        running.remove(number)

gevent.joinall([gevent.spawn(passwords._in_turn, hash_slowly, number) for number in range(30)], raise_error=True)
print(len(most), max(most))
"""


def test_no_more_hashes_run_at_once_than_there_are_processors() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    count, most = map(int, done.stdout.split())
    assert count == 30
    assert most <= (os.cpu_count() or 1)
