"""The process in which chats with custom plugins are played, a forked child each, with bounds on what such code may take.

`ctx` is played as in tests: nothing of it leaves the process. What a plugin does by itself (a connection, a file, a process of its
own) is refused with an error in its line. These bounds keep mistakes from doing harm; a plugin is the operator's own code, and
they are no prison for code that wants out.
"""

from __future__ import annotations

import base64
import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from pydantic import ValidationError

from plugins.base import BasePlugin
from services.fleet.plugin_catalogue import built_in
from services.fleet.plugin_loading.forked import Silence, answer_orders, in_child
from services.fleet.plugin_loading.importing import import_version, problem_of
from services.fleet.plugin_loading.versions import LoadFailed
from services.messaging.plugin_kit.chat_play import FailureView, Play, Step

MEMORY_BYTES: Final = 256 * 1024 * 1024  # beyond what the process has before somebody else's code comes
CPU_SECONDS: Final = (
    2.0  # a loop ends after them, however busy the machine is; all of the chat may take longer than that
)
GRACE_SECONDS: Final = (
    1.0  # from the interruption, which tells the line, to the end of the process, which does not
)
REFUSED: Final = (
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.getaddrinfo",
    "sqlite3.connect",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.kill",
    "os.killpg",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.truncate",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.chown",
)  # Python's names of what code does outside itself
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class TooSlowError(BaseException):
    """The time is over; no `except Exception` of a handler takes it for one of its own."""


def play(order: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The picture of the chat that `order` tells."""
    answer = in_child(lambda: _play(order, seconds), seconds + GRACE_SECONDS)
    if not isinstance(answer, Silence):
        return answer
    files = ", ".join(sorted(Path(each["file"]).name for each in order["plugins"] if "file" in each))
    if answer.is_late:
        return _picture(_failure(files, None, "plugin_too_slow", _too_slow(seconds)))
    return _picture(_failure(files, None, "plugin_ends_process", f"it ends the process, {answer.how}"))


def _play(order: dict[str, Any], seconds: float) -> dict[str, Any]:
    steps = [Step(**step) for step in order["steps"]]
    playing, files = Play(steps), [each["file"] for each in order["plugins"] if "file" in each]
    failure: FailureView | None = None
    try:
        ours = built_in()
        _bound(seconds)
        plugins = [(_plugin(each, ours), each["config"]) for each in order["plugins"]]
        sys.addaudithook(_refuse)
        playing.run(plugins, **order["bot"])
    except LoadFailed as failed:
        told = failed.problem
        failure = _failure(told.file, told.line, told.code, told.reason)
    except BaseException as error:  # noqa: BLE001  # somebody else's code: whatever it raises is told
        failure = _failure_of(error, files)
    finally:
        for timer in (signal.ITIMER_REAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
    return dict(playing.view(failure))


def _plugin(chosen: dict[str, Any], ours: Any) -> type[BasePlugin]:
    if "file" not in chosen:
        found: type[BasePlugin] = ours[chosen["name"]]
        return found
    return import_version(Path(chosen["file"]), base64.b64decode(chosen["source"])).plugin


def _bound(seconds: float) -> None:
    """From here on somebody else's code runs in this process."""
    sys.dont_write_bytecode = True
    setattr(os, "_exit", sys.exit)  # noqa: B010  # which tells the line
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # where there is no /proc, time alone is the bound
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    _interrupt_after(seconds, signal.ITIMER_REAL, signal.SIGALRM, _too_slow(seconds))
    _interrupt_after(
        CPU_SECONDS, signal.ITIMER_PROF, signal.SIGPROF, f"the chat took {CPU_SECONDS:g} s of the processor"
    )


def _interrupt_after(seconds: float, timer: int, number: signal.Signals, reason: str) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise TooSlowError(reason)

    signal.signal(number, interrupt)
    signal.setitimer(timer, seconds)


def _refuse(event: str, values: tuple[Any, ...]) -> None:
    """Python asks before it does anything of REFUSED, or opens a file."""
    is_write = event == "open" and bool((values[2] or 0) & WRITING) and values[0] != os.devnull
    if event in REFUSED or is_write:
        what = f"open({str(values[0])!r}) for writing" if is_write else event
        raise PermissionError(f"{what} is not done in a chat that is only played")


def _failure_of(error: BaseException, files: list[str]) -> FailureView:
    """What went wrong in which of `files`: the last one that had a part in it."""
    frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    part = [name for name in frames if name in files] or files
    told = problem_of(error, Path(part[-1]), "")
    if isinstance(error, TooSlowError):
        return _failure(told.file, told.line, "plugin_too_slow", str(error))
    if isinstance(error, ValidationError):
        return _failure(told.file, told.line, "invalid_plugin_config", told.reason)
    return _failure(told.file, told.line, "plugin_failed", told.reason)


def _too_slow(seconds: float) -> str:
    return f"the chat took longer than {seconds:g} s"


def _failure(file: str, line: int | None, code: str, reason: str) -> FailureView:
    return {"file": file, "line": line, "code": code, "reason": reason}


def _picture(failure: FailureView) -> dict[str, Any]:
    return dict(Play(()).view(failure))


if __name__ == "__main__":
    built_in()  # imported here once, instead of in each child
    answer_orders(lambda order: play(order, float(sys.argv[1])))
