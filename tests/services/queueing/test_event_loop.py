"""Coroutines in a process whose threads are greenlets: side by side, bounded, and seen by nobody else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

BEGINNING = """
from gevent import monkey; monkey.patch_all()
import asyncio, gevent, socket, threading, time
from contextvars import ContextVar
from services.queueing.event_loop import run_coroutine
from services.queueing.timeouts import HandlerTimeout, time_limit

def run(coroutine, step_seconds=30.0):
    return run_coroutine(coroutine, step_seconds=step_seconds)
"""
PIECES = {
    "meet": """
arrived, all_here = [], asyncio.Event()

async def meet(number):
    arrived.append(number)
    if len(arrived) == 50:
        all_here.set()
    await all_here.wait()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.getsockname()[1])
    word = await reader.read(3)
    writer.close()
    return number, word

server = socket.create_server(("127.0.0.1", 0))

def serve():  # a greenlet beside the loop, in the same process
    while True:
        peer, _ = server.accept()
        peer.sendall(b"hi!")
        peer.close()

gevent.spawn(serve)
met = [gevent.spawn(run, meet(number)) for number in range(50)]
print(sorted(each.get(timeout=30) for each in met) == [(number, b"hi!") for number in range(50)])
""",
    "raise": """
class Past(BaseException): ...

async def fail(error):
    await asyncio.sleep(0)
    raise error

async def leave_behind():
    asyncio.create_task(fail(SystemExit(3)))
    await asyncio.sleep(0.05)
    return "still here"

for error in (ValueError("v"), SystemExit(3), Past("b"), KeyboardInterrupt()):
    try:
        run(fail(error))
    except BaseException as found:
        print(found is error)
print(run(leave_behind()))
""",
    "limits": """
ends = []

async def awaits():
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        ends.append("cancelled")
        raise

async def blocks():
    time.sleep(600)

for coroutine in (awaits(), blocks()):
    try:
        with time_limit(0.2):
            run(coroutine, step_seconds=0.3)
    except HandlerTimeout:
        print("timeout")

async def after():
    return "after", ends
print(run(after()))
""",
    "context": """
mine = ContextVar("mine", default=0)

async def look():
    await asyncio.sleep(0.01)
    return mine.get()

def with_own(number):
    mine.set(number)
    return run(look())

print([each.get(timeout=30) for each in [gevent.spawn(with_own, n) for n in range(5)]])
""",
}


@pytest.fixture(scope="module")
def printed() -> dict[str, str]:
    """What each piece of code prints, all in one patched process: the patching of a process cannot be undone."""
    parts = [f"print('== {name}')\n{code}" for name, code in PIECES.items()]
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join([BEGINNING, *parts])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = [part.partition("\n") for part in ran.stdout.split("== ")[1:]]
    return {name: text for name, _, text in said}


def test_coroutines_of_many_greenlets_wait_side_by_side_and_leave_the_process_to_others(
    printed: dict[str, str],
) -> None:
    """Each waits for all the others: one after the other they would never end."""
    assert printed["meet"] == "True\n"


def test_what_a_coroutine_raises_comes_out_and_the_loop_goes_on(printed: dict[str, str]) -> None:
    assert printed["raise"] == "True\n" * 4 + "still here\n"


def test_time_limits_hold_while_it_awaits_and_while_it_blocks(printed: dict[str, str]) -> None:
    assert printed["limits"] == "timeout\ntimeout\n('after', ['cancelled'])\n"


def test_a_coroutine_sees_the_callers_context_and_not_its_neighbours(printed: dict[str, str]) -> None:
    assert printed["context"] == "[0, 1, 2, 3, 4]\n"
