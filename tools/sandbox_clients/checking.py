"""What the drivers in Python share: one line for each thing that is as it should be."""

from __future__ import annotations

EXPECTED = 13
_passed: list[str] = []


def check(name: str, found: object, wanted: object) -> None:
    """Say that `found` is what is wanted, else end. Raises SystemExit."""
    if found != wanted:
        raise SystemExit(f"{name}: {found!r} instead of {wanted!r}")
    _passed.append(name)
    print(f"ok {name}", flush=True)


def done() -> None:
    """End well only when nothing was left out. Raises SystemExit."""
    if len(_passed) != EXPECTED:
        raise SystemExit(f"{len(_passed)} checks instead of {EXPECTED}: {', '.join(_passed)}")
