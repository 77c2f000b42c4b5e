"""Health pages and metrics over HTTP: who may see what, and with which status."""

from __future__ import annotations

from pydantic import SecretStr

from app import create_app
from services.platform.platform import Platform
from services.queueing.heartbeats import beat

OUTSIDE = {"REMOTE_ADDR": "203.0.113.9"}


def test_live_asks_nobody(platform: Platform) -> None:
    away = Platform(
        platform.settings.model_copy(
            update={"redis_url": "redis://127.0.0.1:9/0", "database_url": "sqlite:////nowhere/at/all.db"}
        )
    )
    answer = create_app(away).test_client().get("/health/live", environ_base=OUTSIDE)
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})


def test_ready_is_503_with_reasons_when_redis_is_away(platform: Platform) -> None:
    away = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    answer = create_app(away).test_client().get("/health/ready", environ_base=OUTSIDE)
    assert answer.status_code == 503
    assert answer.get_json()["reasons"][0]["code"] == "redis_away"
    away.database.dispose()


def test_ready_is_200_while_a_worker_is_missing(platform: Platform) -> None:
    answer = create_app(platform).test_client().get("/health/ready", environ_base=OUTSIDE)
    assert answer.status_code == 200
    assert answer.get_json()["status"] == "degraded"
    assert "no_worker" in {warning["code"] for warning in answer.get_json()["warnings"]}


def test_details_and_metrics_are_for_the_token_and_without_one_for_the_machine_itself(
    platform: Platform,
) -> None:
    guarded = Platform(platform.settings.model_copy(update={"metrics_token": SecretStr("m" * 32)}))
    beat(guarded, "worker@here:1", {"jobs": 3})
    client = create_app(guarded).test_client()
    for path in ("/metrics", "/health/full"):
        assert client.get(path).status_code == 401
        assert client.get(path, environ_base=OUTSIDE).status_code in (401, 403)
        wrong = {"Authorization": "Bearer wrong"}
        assert client.get(path, environ_base=OUTSIDE, headers=wrong).status_code in (401, 403)
        right = {"Authorization": "Bearer " + "m" * 32}
        assert client.get(path, environ_base=OUTSIDE, headers=right).status_code == 200
    client = create_app(platform).test_client()
    assert client.get("/health/full").get_json()["processes"][0]["figures"] == {"jobs": 3}
    scraped = client.get("/metrics")
    assert scraped.content_type.startswith("text/plain; version=0.0.4")
    assert b"health_sweep_age_seconds" in scraped.data
    guarded.database.dispose()
