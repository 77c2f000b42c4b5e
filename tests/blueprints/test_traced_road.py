"""One trace from the webhook to the reply, over two processes and a played collector; and one of a click."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from services.core import tracing
from services.core.trace_export import BatchSink, start_tracing
from services.fleet.bots.webhook_secret import webhook_secret
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.fleet.pools.fleet import new_account, new_pool
from tools.servers.collector import spans
from tools.servers.fleet import add_bot, message, reconciling, stream, worker_process
from tools.servers.receivers import Receiver, http_receiver
from tools.servers.sandbox import Sandbox, wait_until

HEADER = "X-Telegram-Bot-Api-Secret-Token"
WORDS = "what somebody wrote"


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def sink(platform: Platform, collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> BatchSink:
    """This process, which is the web's here, traces."""
    monkeypatch.setattr(tracing, "current", None)
    wanted = {"otel_exporter_otlp_endpoint": collector.url}
    sink = start_tracing(platform.settings.model_copy(update=wanted), "web")
    assert sink is not None
    return sink


def test_an_update_is_one_trace_from_its_receipt_to_its_reply(
    platform: Platform, client: FlaskClient, sandbox: Sandbox, collector: Receiver, sink: BatchSink
) -> None:
    identity, user = sandbox.create_bot(), sandbox.create_user()
    bot = add_bot(platform, identity)
    sandbox.start(user["id"], identity["username"])
    headers = {HEADER: webhook_secret(platform.vault, bot.path_id)}
    body = json.dumps(message(1, user["id"], WORDS))
    assert client.post(f"/webhook/{bot.path_id}", data=body, headers=headers).status_code == 200
    lanes = [keys.update_lane(lane) for lane in range(platform.settings.update_lanes)]
    ((_, entry),) = [found for lane in lanes for found in stream(platform, lane)]
    with (
        worker_process(
            platform.settings,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20canary-header",
        ) as worker,
        reconciling(platform),
    ):
        wait_until(lambda: sandbox.sent(identity["username"], "sendMessage"))
        assert worker.terminate() == 0
    sink.stop()
    # Each process posts its own when it comes to it: they arrive in any order.
    found = {span.name: span for span in sorted(spans(collector), key=lambda span: span.began)}
    assert list(found) == ["receive", "wait for handler", "handle", "wait for send", "send"]
    assert {span.trace for span in found.values()} == {entry["request"].rjust(32, "0")}
    receive, handle = found["receive"], found["handle"]
    assert receive.parent == ""
    assert (found["wait for handler"].parent, handle.parent) == (receive.id, receive.id)
    assert (found["wait for send"].parent, found["send"].parent) == (handle.id, handle.id)
    assert [span.process for span in found.values()] == ["web", *["worker"] * 4]
    assert found["send"].attributes == {"bot_id": bot.id, "method": "sendMessage", "outcome": "settled"}
    assert receive.ended <= handle.began <= handle.ended <= found["send"].began <= found["send"].ended
    told = b"".join(post.body for post in collector.posts)
    for secret in (WORDS, identity["token"], headers[HEADER], bot.path_id, "canary-header"):
        assert secret.encode() not in told
    assert collector.posts[-1].headers["authorization"] == "Bearer canary-header"


def test_a_click_is_a_trace_that_its_line_of_the_log_names(
    platform: Platform, visitor: FlaskClient, collector: Receiver, sink: BatchSink
) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    assert visitor.get("/go/red1?utm_source=canary-source").status_code == 302
    sink.stop()
    (click,) = spans(collector)
    ((_, fields),) = stream(platform, keys.click_stream())
    assert click.attributes["click_id"] == json.loads(fields["d"])["id"]
    assert (click.name, click.attributes["pool"], click.attributes["outcome"]) == ("click", "red1", "online")
    assert b"canary-source" not in collector.posts[0].body
