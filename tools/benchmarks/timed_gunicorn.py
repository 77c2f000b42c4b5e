"""gunicorn with the application's own settings and a stop-watch; its readings go to TIMES_FILE when the worker ends.

The clock of a request starts when the driver handed it to the kernel (X-Sent, the same monotonic clock), so that waiting
in the socket for a busy process counts, and stops when the answer was handed back.
"""

from gevent import monkey

monkey.patch_all()  # as the application's file does, before anything else

import os  # noqa: E402
import runpy  # noqa: E402
import time  # noqa: E402
from array import array  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

globals().update(
    {name: value for name, value in runpy.run_path("gunicorn.conf.py").items() if not name.startswith("__")}
)
_times = array("d")  # per request: sent, parsed, answered


def pre_request(worker: Any, req: Any) -> None:
    """Called when a request was read and parsed."""
    req.parsed_at = time.monotonic()


def post_request(worker: Any, req: Any, environ: dict[str, Any], resp: Any) -> None:
    """Called when its answer was handed to the kernel."""
    sent = environ.get("HTTP_X_SENT")
    if sent:
        _times.extend((float(sent), req.parsed_at, time.monotonic()))


def worker_exit(server: Any, worker: Any) -> None:
    """Called in the worker's last moment."""
    Path(os.environ["TIMES_FILE"]).write_bytes(_times.tobytes())
