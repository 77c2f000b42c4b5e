"""Custom plugins' files in panel and API: what each process serves, for admins alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import AuditEvent
from services.core.i18n import Text, translate
from services.fleet.plugin_files import TITLES
from services.fleet.plugin_loading.refusals import Refusal, refusals, refuse
from services.platform.platform import Platform
from services.queueing.heartbeats import beat
from tests.architecture.source import ROOT
from tests.blueprints.people import make_account, make_key, sign_in

PATH = "/api/v1/plugin-files"
FORMER = {"name": "one", "version": "1.0", "hash": "a1", "waiting": "", "problem": None}
PROBLEM = {"hash": "b2", "code": "plugin_broken", "reason": "SyntaxError: <b>", "line": 3}


@pytest.fixture
def _three_processes(platform: Platform) -> None:
    said: dict[str, Any] = {
        "worker@a:1": {**FORMER, "hash": "b2", "version": "2.0"},
        "worker@a:2": {**FORMER, "problem": PROBLEM},
        "web@a:3": {**FORMER, "waiting": "b2"},
    }
    for name, report in said.items():
        beat(platform, name, {"plugins": {"one.py": report}})
    beat(platform, "clock@a:4", {})


@pytest.mark.usefixtures("_three_processes")
def test_an_admin_sees_what_each_process_serves_and_why_another_version_does_not_come(
    client: FlaskClient, platform: Platform
) -> None:
    key = make_key(platform, make_account(platform, admin=True))
    [file] = client.get(PATH, headers={**key, "Accept-Language": "pt-BR"}).get_json()["items"]
    assert (file["file"], file["processes"]) == ("one.py", 3)
    assert [(each["hash"], len(each["processes"])) for each in file["served"]] == [("a1", 2), ("b2", 1)]
    assert file["waiting"] == [{"hash": "b2", "processes": ["web@a:3"]}]
    [problem] = file["problems"]
    assert problem["processes"] == ["worker@a:2"]
    assert {**PROBLEM, "title": problem["title"]}.items() <= problem.items()
    assert problem["title"] == translate(Text("It cannot be imported"), "pt_BR")


@pytest.mark.usefixtures("_three_processes")
def test_the_page_is_for_admins_and_shows_what_was_raised_as_text(
    client: FlaskClient, platform: Platform
) -> None:
    make_account(platform, admin=True)
    sign_in(client)
    page = client.get("/panel/plugins")
    assert page.status_code == 200
    assert "one.py" in page.text
    assert "<b>" not in page.text
    assert "/panel/plugins" in client.get("/panel/bots").text
    live = client.get("/panel/live/plugins").get_json()
    assert live["files"][0]["file"] == "one.py"


def test_other_accounts_see_and_reload_nothing(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform)
    key = make_key(platform, account)
    for answer in (client.get(PATH, headers=key), client.post(f"{PATH}/reload", headers=key)):
        assert (answer.status_code, answer.get_json()["code"]) == (403, "admin_only")
    sign_in(client)
    assert client.get("/panel/plugins").status_code == 403
    assert "/panel/plugins" not in client.get("/panel/bots").text


def test_a_reload_lets_refused_versions_be_tried_again_and_is_in_the_audit_trail(
    client: FlaskClient, platform: Platform
) -> None:
    key = make_key(platform, make_account(platform, admin=True))
    refuse(platform, Refusal("one.py", "b2", "one", "a1", 5, 5, 0.0))
    assert client.post(f"{PATH}/reload", headers=key).status_code == 204
    assert refusals(platform) == {}
    with platform.database.reading() as session:
        assert session.scalars(select(AuditEvent).where(AuditEvent.kind == "plugins_reloaded")).one()


def test_every_kind_of_problem_has_a_title() -> None:
    sources = (ROOT / "services" / "fleet" / "plugin_loading").glob("*.py")
    codes = {code for file in sources for code in re.findall(r'"(plugin_\w+)"', file.read_text())}
    assert codes - {"plugin_reverted"} == TITLES.keys()
    assert all(translate(title, "pt_BR") != str(title) for title in TITLES.values())
