"""The worker process with a count of its SQL statements, left five times a second in a file of its own in SQL_COUNT_FOLDER."""
# jobs.worker patches before every other import

import jobs.worker  # isort: skip

import os
import threading
import time
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, event

from jobs import prefork

statements = count(1)
seen = 0


def _count(*_: object) -> None:
    global seen
    seen = next(statements)


def _write_for_ever() -> None:
    file = os.open(
        Path(os.environ["SQL_COUNT_FOLDER"]) / f"sql.{os.getpid()}", os.O_CREAT | os.O_WRONLY, 0o600
    )
    while True:
        os.pwrite(file, str(seen).encode(), 0)  # a file opened anew each time cost a worker 2 % of its time
        time.sleep(0.2)


def main() -> None:
    """The worker's own, which counts and says so."""
    event.listen(Engine, "before_cursor_execute", _count)
    threading.Thread(target=_write_for_ever, daemon=True).start()
    jobs.worker.main()


prefork.serve("worker", main)
