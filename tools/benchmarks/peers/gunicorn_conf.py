"""gunicorn for the peers: its own gevent worker under the very settings of the application."""

from gevent import monkey

monkey.patch_all()  # as the application's file does, before anything else

import runpy  # noqa: E402

_settings = runpy.run_path("gunicorn.conf.py")
for _name in (
    "bind",
    "workers",
    "keepalive",
    "timeout",
    "graceful_timeout",
    "forwarded_allow_ips",
):
    globals()[_name] = _settings[_name]
worker_class = "gevent"
control_socket_disable = True
accesslog = None
loglevel = "warning"
