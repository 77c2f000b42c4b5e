"""What would hold up every greenlet of a process (argon2, a slow disk) is done beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


def beside_the_hub(function: Callable[..., Result], *args: Any) -> Result:
    """Call it in a native thread where gevent is in charge, else right here. It must not touch anything of gevent's."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return function(*args)
    from gevent import get_hub  # noqa: PLC0415 - an unpatched process needs no hub

    result: Result = get_hub().threadpool.apply(function, args)
    return result
