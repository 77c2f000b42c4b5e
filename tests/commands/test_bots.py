"""`flask bots plan`, `apply` and `schema`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
from flask.testing import FlaskCliRunner

from app import create_app
from models import Account
from services.core.settings import Settings
from services.fleet.declared.schema import bot_schema, modeline
from services.fleet.declared.yaml_source import read_yaml
from services.platform.platform import Platform
from tests.architecture.source import ROOT
from tools.servers.sandbox import Sandbox


def prepared(settings: Settings, folder: Path) -> FlaskCliRunner:
    folder.mkdir()
    platform = Platform(settings.model_copy(update={"config_dir": folder}))
    with platform.database.transaction() as session:
        session.add(Account(email="admin@example.com", password_hash="-", is_admin=True))
    return create_app(platform).test_cli_runner()


def test_a_plan_is_shown_and_applied_only_as_it_was_shown(
    settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    command = prepared(settings, tmp_path / "bots")
    assert command.invoke(args=["bots", "plan"]).exit_code == 0
    file = tmp_path / "bots" / "shop.yaml"
    token = sandbox.create_bot(username="shop_bot")["token"]
    file.write_text(f'id: shop\nname: Shop\ntoken: "{token}"\nplugins: [{{name: start}}]\n')
    shown = command.invoke(args=["bots", "plan", "--json"])
    assert shown.exit_code == 2
    plan = json.loads(shown.output)
    assert [(one["file"], one["action"]) for one in plan["bots"]] == [("shop.yaml", "add")]
    file.write_text(file.read_text().replace("Shop", "Store"))
    late = command.invoke(args=["bots", "apply", "--if-plan", plan["plan"]])
    assert (late.exit_code, "changed since this plan" in late.output) == (1, True)
    shown = command.invoke(args=["bots", "plan"])
    made = command.invoke(args=["bots", "apply", "--if-plan", shown.output.split()[-1]])
    assert made.exit_code == 0, made.output
    assert "+ shop (shop.yaml) is added" in made.output
    file.write_text(file.read_text().replace("Store", "Shop"))
    shown = command.invoke(args=["bots", "plan"])
    assert (shown.exit_code, '    name: "Store" -> "Shop"' in shown.output) == (2, True)
    file.write_text(file.read_text().replace("start", "startt"))
    for action in ("plan", "apply"):
        wrong = command.invoke(args=["bots", action])
        assert wrong.exit_code == 1
        assert (
            "shop.yaml:4:18: There is no plugin 'startt'; did you mean start? (unknown_plugin)"
            in wrong.output
        )
        assert token not in wrong.output


def test_the_schema_takes_the_examples_refuses_mistakes_and_explains_every_field(settings: Settings) -> None:
    command = create_app(Platform(settings)).test_cli_runner()
    schema = json.loads(command.invoke(args=["bots", "schema"]).output)
    assert schema == json.loads(json.dumps(bot_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    examples = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "yaml-bots.md").read_text(), re.DOTALL)
    documents: list[Any] = [read_yaml(example.encode()).plain() for example in examples]
    assert [list(judge.iter_errors(one)) for one in documents] == [[] for _ in documents]
    wrong: list[dict[str, Any]] = [
        {"plugin": []},
        {"plugins": [{"name": "starrt"}]},
        {"plugins": [{"name": "start", "config": {"welcom_message": "x"}}]},
        {"plugins": [{"name": "error_handler", "config": {"show_error_id": "x"}}]},
        {"access": {"blocked_users": ["x"]}},
        {"mode": "poling"},
    ]
    assert [bool(list(judge.iter_errors({**documents[0], **each}))) for each in wrong] == [True] * len(wrong)
    hinted = {**documents[0], "plugins": [{"name": "error_handler", "config": {"show_error_id": "${SHOW}"}}]}
    assert not list(judge.iter_errors(hinted))
    assert all(each.get("description") for each in schema["properties"].values())
    assert (
        modeline("https://x.example/") == "# yaml-language-server: $schema=https://x.example/schema/bot.json"
    )
