"""The doctor's page: for admins, looked at and mended by a worker."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from services.core.i18n import plain, revived
from services.operations.doctor.requests import run_doctor
from services.operations.doctor.running import described, diagnose
from services.platform.platform import Platform
from tests.blueprints.people import make_account, sign_in, submit

PAGE = "/panel/admin/system"
ENGLISH = {"Accept-Language": "en"}


def test_only_admins_see_and_ask(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    sign_in(client)
    assert client.get(PAGE).status_code == 403
    assert client.get("/panel/live/admin/system").status_code == 403
    assert submit(client, "/panel/account", f"{PAGE}/look").status_code == 403
    assert int(platform.job_redis.llen("rq:queue:default")) == 0


def test_a_worker_looks_and_the_page_says_what_it_found(client: FlaskClient, platform: Platform) -> None:
    make_account(platform, "boss@example.com", admin=True)
    sign_in(client, "boss@example.com")
    assert "Nobody has looked yet" in client.get(PAGE, headers=ENGLISH).text
    for action in ("look", "mend"):
        assert submit(client, PAGE, f"{PAGE}/{action}").status_code == 302
    assert int(platform.job_redis.llen("rq:queue:default")) == 2
    run_doctor(platform, fix=False)
    page = client.get(PAGE, headers=ENGLISH).text
    assert "no_worker" in page
    assert "Updates and messages wait" in page
    assert "Atualizações" in client.get(PAGE, headers={"Accept-Language": "pt-BR"}).text
    assert client.get("/panel/live/admin/system").json != {"at": None}


@pytest.mark.data
def test_what_is_kept_of_a_run_is_what_was_found(platform: Platform) -> None:
    told = described(diagnose(platform, ["no_worker", "tables_missing"]))
    assert revived(plain(told)) == told
    assert [each["name"] for each in told["results"]] == ["no_worker"]
