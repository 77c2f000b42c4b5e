"""Flows out of and into YAML files."""

from __future__ import annotations

from models import Flow
from services.fleet.flows import yaml_file
from services.fleet.flows.checks.checking import known_of
from services.fleet.flows.drafts import save_draft
from services.fleet.flows.flows import get_flow
from services.fleet.flows.yaml_file import LineView
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform


def flow_yaml(platform: Platform, caller: Principal, flow_id: int) -> str:
    """The draft of the caller's flow as YAML. Raises NotFound."""
    return yaml_file.written(get_flow(platform, caller, flow_id).draft)


def save_yaml(platform: Platform, caller: Principal, flow_id: int, document: str, revision: int) -> Flow:
    """Make what a file holds the draft. Raises InvalidInput with the line, and as `save_draft` does."""
    get_flow(platform, caller, flow_id)  # one of somebody else is not found, whatever the file is
    return save_draft(platform, caller, flow_id, yaml_file.parsed(document), revision)


def check_yaml(platform: Platform, caller: Principal, document: str) -> list[LineView]:
    """Everything that is wrong with a file, or may be, as a flow of the caller's; changes nothing."""
    with platform.database.reading() as session:
        return yaml_file.lines(
            document, lambda read: known_of(session, platform.settings, caller.account_id, read)
        )
