"""A module as a program on a machine whose clock is wrong: `python -m tools.attack.shifted SECONDS MODULE ARGUMENT…`.

Python's clocks are moved, `time.time` and `datetime.now`; the monotonic one, which no wrong clock moves, is left alone.
"""

from __future__ import annotations

import datetime
import runpy
import sys
import time
from datetime import datetime as datetime_of_python
from typing import Any


def shift(seconds: int) -> None:
    """Move this process's idea of the present; to be called before what asks for it is imported."""
    real, real_ns, step = time.time, time.time_ns, datetime.timedelta(seconds=seconds)

    class Instances(type):
        """Moments that the interpreter itself makes are datetimes still."""

        def __instancecheck__(cls, value: Any) -> bool:
            return isinstance(value, datetime_of_python)

        def __subclasscheck__(cls, kind: type) -> bool:
            return issubclass(kind, datetime_of_python)

    class Shifted(datetime_of_python, metaclass=Instances):
        """A datetime whose present is another."""

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return datetime_of_python.now(tz) + step

        @classmethod
        def utcnow(cls) -> Any:
            return datetime_of_python.now(datetime.UTC).replace(tzinfo=None) + step

    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + seconds * 10**9
    datetime.datetime = Shifted  # type: ignore[misc]


if __name__ == "__main__":
    shift(int(sys.argv[1]))
    module = sys.argv[2]
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
