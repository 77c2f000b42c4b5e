"""People who come all the time: click on a link, press Start, fill a form, write, and some block the bot in the end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import urllib3

from tools.load.journey import FIRST_ADDRESS, PERSON
from tools.soak.growth import Work
from tools.soak.installation import Installation
from tools.soak.plan import Plan

RETURNS = 4  # one visitor in so many is not new: who came LOOKS_BACK visitors earlier
LOOKS_BACK = 61
BLOCKS = 10  # one in so many blocks the bot in the end
ODD = 50  # one in so many sends what the library does not understand: a dead letter
THREADS = 48


class Visitors:
    """Comes at a steady rate between `start` and `stop`; what was done so far is in `work`, what went wrong in `troubles`."""

    def __init__(self, place: Installation, plan: Plan) -> None:
        self._place = place
        self._plan = plan
        self._slugs = place.slugs
        self._http = urllib3.PoolManager(maxsize=THREADS, retries=False, timeout=20)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._counts = {"clicks": 0, "people": 0, "updates": 0}
        self._met: set[str] = set()  # chats
        self.troubles: dict[str, int] = {}
        self.began = time.monotonic()
        self._thread = threading.Thread(target=self._come, daemon=True, name="visitors")

    def start(self) -> None:
        """The first visitor comes now."""
        self.began = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Nobody comes any more, and who is there leaves at once."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(30)

    @property
    def work(self) -> Work:
        """What was done so far."""
        with self._lock:
            return Work(**self._counts, hours=(time.monotonic() - self.began) / 3600)

    def _come(self) -> None:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="visitor") as pool:
            for number in range(self._plan.visitors):
                if self._stopped.wait(max(0.0, self.began + number / self._plan.rate - time.monotonic())):
                    return
                pool.submit(self._visit, number)

    def _visit(self, number: int) -> None:
        is_known = number % RETURNS == RETURNS - 1 and number >= LOOKS_BACK
        try:
            self._talk(number, number - LOOKS_BACK if is_known else number)
        except (urllib3.exceptions.HTTPError, RuntimeError) as error:
            self._trouble(f"{type(error).__name__}: {error}"[:120])

    def _talk(self, number: int, person: int) -> None:
        """What one visitor does. RuntimeError when somebody did not answer as they should."""
        parts = urlsplit(self._click(number, person))
        chat = f"/chats/{self._place.persons + person}{parts.path}"
        self._post(f"{chat}/start", payload=parts.query.partition("=")[2])
        self._count(clicks=1, updates=1, people=int(self._is_new(chat)))
        for text in ("/form", "Ana", str(18 + number % 60)):
            self._say(chat, text)
        self._think()
        self._press(chat)
        self._say(chat, f"thanks from visitor {number}")
        if number % ODD == ODD - 1:
            self._send_odd(parts.path.strip("/"), self._place.persons + person)
        if number % BLOCKS == BLOCKS - 1:
            self._think()
            self._post(f"{chat}/block")
            self._count(updates=1)

    def _click(self, number: int, person: int) -> str:
        address = FIRST_ADDRESS + person % (1 << 17)
        dotted = ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))
        headers = {"User-Agent": PERSON, "Accept-Language": "pt-BR,pt;q=0.9", "X-Forwarded-For": dotted}
        slug = self._slugs[number % len(self._slugs)]
        link = f"{self._place.web}/go/{slug}?utm_source=soak&fbclid=visitor-{number}"
        answer = self._http.request("GET", link, headers=headers, redirect=False)
        if answer.status != 302:
            raise RuntimeError(f"/go answered {answer.status}")
        return str(answer.headers["Location"])

    def _say(self, chat: str, text: str) -> None:
        self._think()
        self._post(f"{chat}/send", text=text)
        self._count(updates=1)

    def _press(self, chat: str) -> None:
        """Press the first button of the newest message that has one: the form's "send"."""
        told = self._http.request("GET", f"{self._place.telegram.url}/sandbox/api{chat}").json()["messages"]
        keyboards = [each for each in told if each["buttons"]]
        if not keyboards:
            raise RuntimeError("the form was not summed up in time")
        message = keyboards[-1]
        data = message["buttons"][0][0]["data"]
        self._post(f"{chat}/press", message_id=message["message_id"], data=data)
        self._count(updates=1)

    def _send_odd(self, bot: str, person: int) -> None:
        """A message without its date."""
        sender = {"id": person, "is_bot": False, "first_name": "Ana"}
        chat = {"id": person, "type": "private", "first_name": "Ana"}
        update = {"message": {"message_id": 1, "from": sender, "chat": chat, "text": "odd"}}
        self._post(f"/updates/{bot}", updates=[update])
        self._count(updates=1)

    def _think(self) -> None:
        if self._stopped.wait(self._plan.think_seconds):
            raise RuntimeError("sent home")

    def _post(self, path: str, **body: Any) -> None:
        answer = self._http.request("POST", f"{self._place.telegram.url}/sandbox/api{path}", json=body)
        if answer.status >= 300:
            raise RuntimeError(f"the sandbox answered {answer.status} to {path.rpartition('/')[2]}")

    def _is_new(self, chat: str) -> bool:
        with self._lock:
            is_new = chat not in self._met
            self._met.add(chat)
            return is_new

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                self._counts[name] += number

    def _trouble(self, what: str) -> None:
        if not self._stopped.is_set():
            with self._lock:
                self.troubles[what] = self.troubles.get(what, 0) + 1
