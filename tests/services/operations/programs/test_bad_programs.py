"""Programs that misbehave, on real processes: each is ended, told of and kept from everything that is not its own."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from services.core.i18n import Text
from services.fleet.workers.copies import CopiesState
from services.platform.platform import Platform
from tests.services.operations.programs.conftest import Give, Leading, Started, processes_of
from tools.servers.sandbox import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="programs are started by root alone")
PYTHON = "/usr/bin/python3"
FORKS = "import os\nwhile True:\n try:\n  os.fork()\n except OSError:\n  pass"
HOARDS = "import ctypes, os\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nos.fork()\nos.fork()\nkept = bytearray(30 << 20)\nkept[::4096] = b'1' * len(kept[::4096])\nimport time\ntime.sleep(600)"
MANY_FILES = "i=0; while :; do i=$((i+1)); head -c 500000 /dev/zero > f$i; done"
TRIES = """
import os, sys
def attempt(name, what):
    try:
        found = what()
    except OSError:
        return
    print("SUCCEEDED", name, found)
data, parent = sys.argv[1:]
attempt("list our data", lambda: os.listdir(data))
attempt("read our database", lambda: open(data + "/flotilla.db", "rb").read(10))
for pid in (os.getppid(), parent):
    attempt("our environment", lambda: open(f"/proc/{pid}/environ").read())
    attempt("our memory", lambda: open(f"/proc/{pid}/mem", "rb").read(1))
    attempt("our descriptors", lambda: os.listdir(f"/proc/{pid}/fd"))
    attempt("end us", lambda: os.kill(int(pid), 0))
attempt("outlive us", lambda: open("/proc/self/oom_score_adj", "w").write("-100"))
attempt("be root", lambda: os.setuid(0))
attempt("write beside us", lambda: open("../note", "w"))
attempt("write to /tmp", lambda: open("/tmp/flotilla-program", "w"))
attempt("write to memory", lambda: open("/dev/shm/flotilla-program", "w"))
attempt("more files", lambda: [open("/dev/null") for _ in range(5000)])
open("own", "w").write("mine")
print(sorted(os.listdir("/proc/self/fd")), os.getgroups(), sorted(os.environ), os.getcwd() == os.environ["HOME"], oct(os.stat("own").st_mode))
print("tried", flush=True)
import time
time.sleep(600)
"""


def python(program: str, *arguments: str) -> str:
    return shlex.join([PYTHON, "-c", program, *arguments])


def shell(program: str) -> str:
    return shlex.join(["/bin/sh", "-c", program])


def test_a_program_that_fails_is_started_again_after_pauses_and_its_owner_is_told_why(
    give: Give, leading: Leading
) -> None:
    cases = {
        "It exits at once with code 7": give(shell("echo so long; exit 7"), min_replicas=1),
        "Its command /nowhere/bot cannot be started: No such file or directory": give(
            "/nowhere/bot --fast", min_replicas=1
        ),
        "It was killed by SIGSEGV": give(shell("kill -SEGV $$"), min_replicas=1),
        "It was killed: it wrote a file of more than 2 MB": give(
            "dd if=/dev/zero of=big bs=1M status=none", min_replicas=1
        ),
        "It was killed: it wrote more than 2 MB to its folder": give(shell(MANY_FILES), min_replicas=1),
        "It was killed: it used more than 64 MB of memory": give(python(HOARDS), min_replicas=1),
    }
    wait_until(lambda: all(len(started.reasons) >= 2 for started in cases.values()))
    for reason, started in cases.items():
        assert {str(each) for each in _texts(started)} == {reason}
    first = cases["It exits at once with code 7"]
    wait_until(lambda: first.copies.state is CopiesState.FAILED and "crash loop" in str(first.copies.reason))
    assert "It exits at once with code 7. It is in a crash loop, next start at " in str(first.copies.reason)
    assert first.lines[:2] == ["so long", "so long"]


def test_no_secret_that_a_program_prints_is_kept(give: Give, leading: Leading) -> None:
    secret = "s3cr3t-of-the-owner"
    started = give(
        shell(
            'echo "token $WORKER_TOKEN"; echo "key=$KEY!"; echo "$PEM"; echo "$BOT_TOKEN"; echo "$API_URL"; exit 1'
        ),
        environment={"KEY": secret, "PEM": "first-line-of-it\nsecond-line-of-it"},
        passes_bot_token=True,
        min_replicas=1,
    )
    wait_until(lambda: len(started.reasons) >= 1 and len(started.lines) >= 6)
    assert started.lines[:5] == [
        "token [redacted]",
        "key=[redacted]!",
        "[redacted]",
        "[redacted]",
        "[redacted]",
    ]
    assert started.lines[5].startswith("http://")
    kept = [str(started.platform.redis.dump(key)) for key in started.platform.redis.keys("*")]
    assert not any(secret in each or started.token[-20:] in each for each in kept)


def test_a_program_reaches_nothing_that_is_not_its_own(
    give: Give, leading: Leading, platform: Platform
) -> None:
    data = platform.settings.data_dir
    data.chmod(0o700)
    started = give(python(TRIES, str(data), str(os.getpid())), min_replicas=1, environment={"COLOUR": "blue"})
    wait_until(lambda: "tried" in started.lines)
    told = ["API_URL", "BOT_ID", "COLOUR", "CONSUMER_GROUP", "HOME", "INCOMING_STREAM", "LANG", "LC_CTYPE"]
    told += ["OUTGOING_STREAM", "PATH", "TMPDIR", "WORKER_TOKEN"]
    known = [name for name in told if name != "LC_CTYPE"]
    assert started.lines == [f"['0', '1', '2', '3'] [] {known} True 0o100600", "tried"]


def test_what_ignores_the_request_to_end_or_forks_without_end_is_killed_with_all_that_it_started(
    give: Give, leading: Leading, platform: Platform
) -> None:
    known = platform.settings
    stubborn = give(
        shell("trap '' TERM; (trap '' TERM; setsid sleep 600) & while :; do sleep 0.1; done"), min_replicas=1
    )
    forking = give(python(FORKS), min_replicas=1)

    def alive() -> list[int]:
        return processes_of(known)

    wait_until(lambda: len(alive()) > known.worker_processes)
    assert len(alive()) <= known.worker_processes + 5
    for started in (stubborn, forking):
        started.change(min_replicas=0)
    leading.let_go()
    leading.begin()
    wait_until(lambda: stubborn.copies.current + forking.copies.current == 0 and not alive())
    assert stubborn.reasons == ["It was killed: it did not end when it was asked to"]
    assert [path for path in Path(known.worker_dir).iterdir() if path.is_dir()] == []


def _texts(started: Started) -> list[object]:
    return [Text.stored(each) for each in started.reasons]
