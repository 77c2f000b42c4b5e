"""A process that has imported what the programs of `jobs` need, and forks off each that is asked for: of what a program of
its own would cost to start, most is importing. Nothing but imports is shared; see `ForkedProcess` for how to ask.

What is forked off has the environment, the folder and the three descriptors it is given, no others, and runs its module from
the first line as `__main__`; it ends as any
interpreter does. Its parent waits for it and tells how it ended.
"""
# ruff: noqa: E402  # the patch comes before every other import

import gc

gc.disable()

from services.core.greenlets import patch

patch()

import array
import importlib
import json
import os
import runpy
import signal
import sys
import time
import types
from _socket import CMSG_SPACE, socket  # the plain one, that blocks
from typing import Any

from gevent import monkey
from gevent.os import fork_gevent

from services.core.child_processes import end_with_parent

PROGRAMS = ("jobs.worker", "jobs.clock", "jobs.poller")
MOST_BYTES = 1 << 18  # of an order: arguments and an environment
DESCRIPTORS = 4  # the connection to who asks, then stdin, stdout and stderr

fork = monkey.get_original("os", "fork")
waitpid = monkey.get_original("os", "waitpid")


def serve(control: int) -> dict[str, Any]:
    """Fork for every order, until nobody is left to give one. Returns in each child alone: what it is to become."""
    orders = socket(fileno=control)
    space = CMSG_SPACE(DESCRIPTORS * array.array("i").itemsize)
    while True:
        text, ancillary, _, _ = orders.recvmsg(MOST_BYTES, space)
        if not text:
            _forget_ended()
            os._exit(0)
        handed = array.array("i")
        for _level, _kind, data in ancillary:  # nothing but descriptors is ever sent along
            handed.frombytes(data)
        connection, *streams = handed
        server = os.getpid()
        if fork() == 0:
            orders.close()
            _raise(connection, streams, server)
            return dict(json.loads(text))
        for descriptor in handed:
            os.close(descriptor)
        _forget_ended()


def _raise(connection: int, streams: list[int], server: int) -> None:
    """Fork once more: the child returns, its parent tells the child's id and its end to who asked for it, and ends."""
    end_with_parent(server, signal.SIGKILL)
    watcher = os.getpid()
    child = fork_gevent()  # importing has made a hub, of which the child gets its own
    if child:
        for descriptor in streams:
            os.close(descriptor)
        os.write(connection, b"%d\n" % child)
        os.write(connection, b"%d\n" % os.waitstatus_to_exitcode(waitpid(child, 0)[1]))
        os._exit(0)
    end_with_parent(watcher, signal.SIGKILL)
    os.close(connection)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _forget_ended() -> None:
    """Reap those whose children have ended."""
    try:
        while waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def become(order: dict[str, Any]) -> None:
    """Run `-m MODULE ARGUMENT…` or `-c PROGRAM ARGUMENT…` as the interpreter does."""
    os.environ.clear()
    os.environ.update(order["environ"])
    time.tzset()
    os.chdir(order["cwd"])
    way, what, *rest = order["arguments"]
    sys.argv = [what if way == "-m" else way, *rest]
    if way == "-m":
        sys.modules.pop(what, None)  # it is run, not imported
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    exec(compile(what, "<string>", "exec"), main.__dict__)


if __name__ == "__main__":
    for name in PROGRAMS:
        importlib.import_module(name)
    gc.freeze()  # or each child would search all of it when it ends: 0.9 s of CPU
    become(serve(int(sys.argv[1])))
