"""Generated visitors who click a /go link, press Start and chat: ``python -m tools.sandbox.visitors``.

They speak to loopback only, forge no addresses (no X-Forwarded-For) and end after ``--seconds``.
"""
