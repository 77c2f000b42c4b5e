"""Generated visitors who click a /go link, press Start and chat: ``python -m tools.sandbox.visitors``.

They speak to loopback only and end after ``--seconds``. Only with ``--proxied`` they name addresses of their own in
X-Forwarded-For, as a reverse proxy would: for an installation with TRUSTED_PROXIES=1.
"""
