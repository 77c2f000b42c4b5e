"""What `python -m launch [run|demo]` does: start everything on this machine, or say in one message why not."""

from __future__ import annotations

import os
import sys

from dotenv import dotenv_values

from launch.demo import demo_plan
from launch.programs import ROOT
from launch.run import Plan, run
from services.core.errors import ConfigurationError, FlotillaError

FAILED, WRONG_CONFIGURATION = 1, 2
# At a terminal, where a person reads: the address and the setup code must not scroll away under requests.
READER = {"LOG_FORMAT": "text", "LOG_LEVEL": "WARNING"}


def environment() -> dict[str, str]:
    """The environment, with what `.env` adds to it; `flask` reads that file by the same rule.

    At a terminal the log is warnings in text unless either says otherwise.
    """
    file = {} if os.environ.get("FLASK_SKIP_DOTENV") else dotenv_values(ROOT / ".env")
    reader = READER if sys.stdout.isatty() else {}
    return {**reader, **{name: value for name, value in file.items() if value is not None}, **os.environ}


def main(arguments: list[str]) -> int:
    """Exit code 0 after an ordered end, 1 when a part failed, 2 when the configuration is wrong."""
    if arguments not in ([], ["run"], ["demo"]):
        print("usage: python -m launch [run|demo]", file=sys.stderr)
        return WRONG_CONFIGURATION
    try:
        # The demo leaves .env aside: that is about the real installation.
        stopped = run(demo_plan(dict(os.environ)) if arguments == ["demo"] else Plan(environment()))
        return 0 if stopped else FAILED
    except ConfigurationError as error:
        print(error.message, file=sys.stderr)
        return WRONG_CONFIGURATION
    except FlotillaError as error:
        print(error.message, file=sys.stderr)
        return FAILED
    except OSError as error:  # a file of DATA_DIR or .env that is not what it should be, a full disk
        print(f"Flotilla cannot start: {error}", file=sys.stderr)
        return FAILED
