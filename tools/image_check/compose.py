"""compose.yaml as data: read, its variables filled in, an overlay laid over it by the rules that Docker Compose has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
BASE, OVERLAY = ROOT / "compose.yaml", ROOT / "compose.production.yaml"
VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<sign>:-|:\?)(?P<rest>[^}]*))?\})")
REPLACED = {"command", "entrypoint", "test"}  # lists that an overlay replaces; others it adds to
RESET = object()


class _Loader(yaml.SafeLoader):
    """With `!reset`, by which an overlay takes something away."""


_Loader.add_constructor("!reset", lambda loader, node: RESET)


class MissingVariable(LookupError):
    """A variable that the file demands (`${NAME:?…}`) is not set."""


def load(path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables filled in; raises MissingVariable."""
    loaded: dict[str, Any] = _filled(yaml.load(path.read_text(), _Loader), variables)
    return loaded


def merged(base: Any, overlay: Any, key: str = "") -> Any:
    """`overlay` over `base`: maps are merged, lists added up, what is `!reset` is gone."""
    if isinstance(base, dict) and isinstance(overlay, dict):
        both = {
            name: merged(base[name], overlay[name], name) if name in base and name in overlay else value
            for name, value in {**base, **overlay}.items()
        }
        return {name: value for name, value in both.items() if value is not RESET}
    if isinstance(base, list) and isinstance(overlay, list) and key not in REPLACED:
        return base + [entry for entry in overlay if entry not in base]
    return overlay


def production(variables: Mapping[str, str]) -> dict[str, Any]:
    """What `docker compose -f compose.yaml -f compose.production.yaml` works with."""
    both: dict[str, Any] = merged(load(BASE, variables), load(OVERLAY, variables))
    return both


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(entry, variables) for name, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, variables) for entry in value]
    return VARIABLE.sub(lambda found: _value(found, variables), value) if isinstance(value, str) else value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found[0] == "$$":
        return "$"
    given = variables.get(found["name"], "")
    if not given and found["sign"] == ":?":
        raise MissingVariable(f"{found['name']}: {found['rest']}")
    return given or (found["rest"] if found["sign"] == ":-" else "")
