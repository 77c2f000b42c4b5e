"""A Redis that restarts: who waits for it, and who is told at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from launch.ports import free_port
from services.core.settings import Settings
from services.platform.redis import connection
from services.platform.redis.connection import blocking_client, probing_client
from tools.servers.sandbox import wait_until
from tools.servers.valkey import running_valkey


@pytest.mark.parametrize("patient", [True, False])
def test_a_wait_for_jobs_outlives_a_restart_of_redis_where_it_is_patient(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patient: bool
) -> None:
    often = Retry(ConstantBackoff(0.1), 300, supported_errors=(RedisConnectionError,))
    monkeypatch.setattr(connection, "PATIENT_RETRY", often)
    port = free_port()
    with ThreadPoolExecutor(1) as pool:
        with running_valkey(tmp_path, port) as url:
            client = blocking_client(settings.model_copy(update={"redis_url": url}), patient=patient)
            waiting = pool.submit(client.blpop, ["jobs"], 4)
            server = probing_client(url)
            wait_until(lambda: server.info("clients")["blocked_clients"] == 1)
        if not patient:
            with pytest.raises(RedisConnectionError):
                waiting.result(30)
            return
        with running_valkey(tmp_path, port):
            server.rpush("jobs", "one")
            assert waiting.result(30) == ("jobs", "one")
