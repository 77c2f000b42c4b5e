"""gunicorn for the peers with its own gevent worker instead of ours; everything else is the same."""

from gevent import monkey

monkey.patch_all()  # as the application's file does, before anything else

import runpy  # noqa: E402

globals().update(
    {
        name: value
        for name, value in runpy.run_path("tools/benchmarks/peers/gunicorn_conf.py").items()
        if not name.startswith("__")
    }
)
worker_class = "gevent"
