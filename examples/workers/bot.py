"""A whole bot on Flotilla's Runtime API, in Python 3 without a library: a greeting with a button, and an echo."""

import json
import os
import signal
import time
import urllib.request
from typing import Any

API = os.environ["API_URL"] + "/api/v1/runtime"
HEADERS = {"Authorization": "Bearer " + os.environ["WORKER_TOKEN"], "Content-Type": "application/json"}
stopping: list[int] = []
signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))  # what was taken is answered first


def ask(path: str, body: Any = None) -> Any:
    while True:
        request = urllib.request.Request(API + path, body and json.dumps(body).encode(), HEADERS)  # noqa: S310
        try:
            return json.loads(urllib.request.urlopen(request, timeout=60).read() or "{}")  # noqa: S310
        except OSError as error:
            status = getattr(error, "code", 503)
            if status == 409:  # lease_gone: answered already, or another copy has it; nothing to undo
                return {}
            if stopping or (status < 500 and status != 429):
                raise
            time.sleep(float(getattr(error, "headers", {}).get("Retry-After", 1)))  # it comes again


def calls_for(update: Any, start: str) -> Any:
    tap = update.get("callback_query")
    message = tap["message"] if tap else update.get("message", {})
    text = "You pressed it" if tap else f"You said: {message.get('text')}"
    params = {"chat_id": message.get("chat", {}).get("id"), "text": text}
    if not tap and message.get("text", "").startswith("/start"):
        params["text"] = f"Hello {message['from']['first_name']}! You came by: {start or 'yourself'}"
        params["reply_markup"] = {"inline_keyboard": [[{"text": "Press me", "callback_data": "pressed"}]]}
    seen = [{"method": "answerCallbackQuery", "params": {"callback_query_id": tap["id"]}}] if tap else []
    return [*seen, {"method": "sendMessage", "params": params}] if "text" in message else []


while not stopping:
    for work in ask("/next?wait=5&limit=10").get("items", []):
        try:
            kind, answer = "response", {"calls": calls_for(work["update"], work["start"])}
        except Exception as error:  # noqa: BLE001  # it comes again; the fifth time it is a dead letter
            kind, answer = "error", {"error": repr(error)}
        ask(f"/leases/{work['lease']}/{kind}", answer)
