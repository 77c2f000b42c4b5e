"""Attacks on a running installation over its sockets, and whether what must hold did: `python -m tools.attack`."""
