"""The variables that an owner gives to a worker: checked, kept sealed, shown by name alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from services.core.encryption import Vault
from services.core.errors import InvalidInput
from services.core.i18n import Text

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
MOST_VARIABLES: Final = 64
LONGEST_VALUE: Final = 8192  # characters
# What a worker is told by us, and what decides which code its interpreter or loader runs.
OURS: Final = frozenset(
    (
        "BOT_ID",
        "BOT_TOKEN",
        "REDIS_URL",
        "INCOMING_STREAM",
        "OUTGOING_STREAM",
        "CONSUMER_GROUP",
        "API_URL",
        "WORKER_TOKEN",
    )
)
DANGEROUS: Final = frozenset(("PATH", "ENV", "BASH_ENV", "NODE_OPTIONS", "IFS", "SHELLOPTS"))
PREFIXES: Final = ("KAFKA_", "LD_", "DYLD_", "PYTHON")


def checked_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables as they are; InvalidInput `env_refused` names one that a worker may not be given."""
    if len(variables) > MOST_VARIABLES:
        raise InvalidInput(
            Text("A worker has at most {most} variables", most=MOST_VARIABLES),
            code="env_refused",
            field="env_vars",
        )
    for name, value in variables.items():
        if not NAME.fullmatch(name) or "\0" in value or len(value) > LONGEST_VALUE:
            raise InvalidInput(
                Text(
                    "Variables have names of letters, digits and _, and values of at most {most} characters",
                    most=LONGEST_VALUE,
                ),
                code="env_refused",
                field="env_vars",
            )
        upper = name.upper()
        if upper in OURS or upper in DANGEROUS or upper.startswith(PREFIXES):
            raise InvalidInput(
                Text("The variable {name} is not for owners to set", name=name),
                code="env_refused",
                field=f"env_vars.{name}",
            )
    return dict(variables)


def sealed_environment(vault: Vault, bot_id: int, variables: Mapping[str, str]) -> str:
    """The variables for the column; "" for none."""
    return vault.seal(json.dumps(dict(variables)), owner=owner_of(bot_id)) if variables else ""


def opened_environment(vault: Vault, bot_id: int, sealed: str) -> dict[str, str]:
    """The variables with their values, for the program alone; the reverse of `sealed_environment`."""
    return dict(json.loads(vault.unseal(sealed, owner=owner_of(bot_id)))) if sealed else {}


def names_in(vault: Vault, bot_id: int, sealed: str) -> list[str]:
    """The names of the variables, sorted; their values are shown to nobody."""
    return sorted(opened_environment(vault, bot_id, sealed))


def owner_of(bot_id: int) -> str:
    """The name that whatever a worker needs is sealed for."""
    return f"worker:{bot_id}"
