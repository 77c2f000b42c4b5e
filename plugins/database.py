"""What a plugin may keep and look up: a store of its own for this bot, and the people whom the bot knows.

Nothing here reaches another bot or another plugin's keys.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from plugins.flows.document import FlowDocument
from plugins.flows.run import FlowInForce, Run, RunStatus, moved_to

MAX_KEY: Final = 200  # characters
MAX_VALUE: Final = 16 * 1024  # bytes of JSON
MAX_STORE: Final = 64 * 1024 * 1024  # bytes of keys and values, per bot and plugin
MAX_LIST: Final = 1000
MAX_TAG: Final = 50  # characters
MAX_TAGS: Final = 50  # of a person, OPTED_OUT not counted
# The tag of those who want no broadcasts, which may be said however many others there are.
OPTED_OUT: Final = "opted_out"


class StoreError(ValueError):
    """A key or value that cannot be kept, or a store that is full; nothing was written."""


@dataclass(frozen=True)
class LeadRecord:
    """Somebody whom the bot knows. `state` is active, blocked or deactivated; times are UTC."""

    telegram_id: int
    first_name: str
    last_name: str
    username: str
    language: str
    state: str
    tags: tuple[str, ...]
    first_interaction: datetime
    last_interaction: datetime


class PluginDatabase(ABC):
    """The data of one plugin of one bot.

    In a handler, what it writes takes effect together with everything else that it wants, once, however often the update
    has to be handled; elsewhere (`on_load` …) at once. Values are JSON: they come back as dicts, lists, texts, numbers,
    truths and None.
    """

    @abstractmethod
    def get(self, key: str, default: Any = None) -> Any:
        """The value kept under `key`, or `default`. A handler whose value has changed meanwhile is run again."""

    @abstractmethod
    def set(self, key: str, value: Any) -> None:
        """Keep `value` under `key` for good. StoreError when it is no JSON or too large, or the key is none."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Keep nothing under `key` any more."""

    @abstractmethod
    def list(self, prefix: str = "", *, after: str = "", limit: int = 100) -> dict[str, Any]:
        """At most `limit` (to 1000) keys that begin with `prefix` and come after `after`, in order, with their values.

        Unlike with `get`, a handler does not learn of what others add to the list meanwhile.
        """

    @abstractmethod
    def leads_count(self, *, since: datetime | None = None) -> int:
        """How many people the bot knows; with `since` (an aware time), those who first wrote then or later."""

    @abstractmethod
    def lead(self, telegram_id: int) -> LeadRecord | None:
        """What is known of a person; None for one who never wrote to this bot."""

    @abstractmethod
    def tag_lead(self, telegram_id: int, tag: str) -> None:
        """Put a tag such as "paid" on a person whom the bot knows; one that is there already, or a stranger, changes
        nothing. Experiments count people with their goal's tag. StoreError when it is no tag or one too many."""

    @abstractmethod
    def untag_lead(self, telegram_id: int, tag: str) -> None:
        """Take a tag off a person; one that is not there, or a stranger, changes nothing. StoreError when it is no tag."""

    # For the plugin that plays flows

    @abstractmethod
    def flow(self, key: str) -> FlowInForce | None:
        """The account's flow of that key as bots play it now; None without one, or before its first version. A handler
        during which another version is published is run again."""

    @abstractmethod
    def flow_by_id(self, flow_id: int) -> FlowInForce | None:
        """The same by the flow's number."""

    @abstractmethod
    def flow_version(self, flow_id: int, number: int) -> FlowDocument | None:
        """The document of a version of one of the account's flows; None where there is none."""

    @abstractmethod
    def flow_run(self, telegram_id: int) -> Run | None:
        """Where a person stands in the bot's flows. A handler whose person is moved meanwhile is run again."""

    @abstractmethod
    def save_flow_run(self, telegram_id: int, run: Run, visited: Sequence[str] = ()) -> None:
        """Keep where a person stands by now, and that they reached the steps `visited`, in a handler alone."""

    @abstractmethod
    def hand_over(self, telegram_id: int) -> None:
        """Have a person wait in the inbox for people to answer, in a handler alone."""

    @abstractmethod
    def is_taken_over(self, telegram_id: int) -> bool:
        """Whether an operator of the inbox has taken a person over now."""


class MemoryDatabase(PluginDatabase):
    """Stand-in where there is no database, as in a plugin's own tests."""

    def __init__(
        self, leads: Iterable[LeadRecord] = (), *, shared_leads: dict[int, LeadRecord] | None = None
    ) -> None:
        self._texts: dict[str, str] = {}
        self._flows: dict[str, FlowInForce] = {}
        self._versions: dict[tuple[int, int], FlowDocument] = {}
        self.runs: dict[int, Run] = {}
        self.visits: list[tuple[int, str]] = []
        self.waiting: list[int] = []  # for people of the inbox to answer, in order
        self.taken_over: set[int] = set()  # by them
        self._leads = {} if shared_leads is None else shared_leads
        self._leads.update((lead.telegram_id, lead) for lead in leads)

    def texts(self) -> dict[str, str]:
        """All texts that are kept, as JSON."""
        return dict(self._texts)

    def kept(self) -> tuple[dict[str, str], dict[int, Run]]:
        """All that is kept, to be put back by `restore`."""
        return dict(self._texts), dict(self.runs)

    def restore(self, kept: tuple[dict[str, str], dict[int, Run]]) -> None:
        """Keep what `kept` says, and nothing else."""
        self._texts, self.runs = dict(kept[0]), dict(kept[1])

    def publish_flow(
        self, key: str, document: FlowDocument, moves: Mapping[str, str | None] | None = None
    ) -> FlowInForce:
        """Have bots play `document` from now on; whoever stands at a step of `moves` is moved, as by a publication."""
        former = self.flow(key)
        flow_id, number = (former.flow_id, former.number + 1) if former else (len(self._flows) + 1, 1)
        known = {**(former.moves if former else {}), **(moves or {})}
        self._flows[key] = FlowInForce(flow_id, number, document, known)
        self._versions[flow_id, number] = document
        for person, run in self.runs.items():
            if run.flow_id == flow_id and run.step in (moves or {}) and run.status is not RunStatus.ENDED:
                self.runs[person] = moved_to(run, number, known[run.step])
        return self._flows[key]

    def flow(self, key: str) -> FlowInForce | None:
        """See PluginDatabase."""
        return self._flows.get(key)

    def flow_by_id(self, flow_id: int) -> FlowInForce | None:
        """See PluginDatabase."""
        return next((flow for flow in self._flows.values() if flow.flow_id == flow_id), None)

    def flow_version(self, flow_id: int, number: int) -> FlowDocument | None:
        """See PluginDatabase."""
        return self._versions.get((flow_id, number))

    def flow_run(self, telegram_id: int) -> Run | None:
        """See PluginDatabase."""
        return self.runs.get(telegram_id)

    def save_flow_run(self, telegram_id: int, run: Run, visited: Sequence[str] = ()) -> None:
        """See PluginDatabase."""
        self.runs[telegram_id] = replace(run, revision=run.revision + 1)
        self.visits.extend((telegram_id, step) for step in visited)

    def hand_over(self, telegram_id: int) -> None:
        """See PluginDatabase."""
        self.waiting.append(telegram_id)

    def is_taken_over(self, telegram_id: int) -> bool:
        """See PluginDatabase."""
        return telegram_id in self.taken_over

    def get(self, key: str, default: Any = None) -> Any:
        """See PluginDatabase."""
        text = self._texts.get(checked_key(key))
        return default if text is None else json.loads(text)

    def set(self, key: str, value: Any) -> None:
        """See PluginDatabase."""
        self._texts[checked_key(key)] = as_text(value)

    def delete(self, key: str) -> None:
        """See PluginDatabase."""
        self._texts.pop(checked_key(key), None)

    def list(self, prefix: str = "", *, after: str = "", limit: int = 100) -> dict[str, Any]:
        """See PluginDatabase."""
        found = sorted(key for key in self._texts if key.startswith(prefix) and key > after)
        return {key: json.loads(self._texts[key]) for key in found[: checked_limit(limit)]}

    def leads_count(self, *, since: datetime | None = None) -> int:
        """See PluginDatabase."""
        return sum(1 for lead in self._leads.values() if since is None or lead.first_interaction >= since)

    def lead(self, telegram_id: int) -> LeadRecord | None:
        """See PluginDatabase."""
        return self._leads.get(telegram_id)

    def tag_lead(self, telegram_id: int, tag: str) -> None:
        """See PluginDatabase."""
        wanted, lead = checked_tag(tag), self._leads.get(telegram_id)
        if lead is not None:
            self._leads[telegram_id] = replace(lead, tags=with_tag(lead.tags, wanted))

    def untag_lead(self, telegram_id: int, tag: str) -> None:
        """See PluginDatabase."""
        unwanted, lead = checked_tag(tag), self._leads.get(telegram_id)
        if lead is not None:
            self._leads[telegram_id] = replace(lead, tags=tuple(one for one in lead.tags if one != unwanted))


def checked_key(key: str) -> str:
    """`key`; StoreError for one that is empty, too long, or holds what no database keeps."""
    if not 0 < len(key) <= MAX_KEY:
        raise StoreError(f"A key has 1 to {MAX_KEY} characters")
    if "\0" in key or _has_halves(key):
        raise StoreError("The key holds a character that is none (NUL or half of a pair)")
    return key


def checked_limit(limit: int) -> int:
    """`limit`; StoreError for one that is not from 1 to 1000."""
    if not 1 <= limit <= MAX_LIST:
        raise StoreError(f"limit is a number from 1 to {MAX_LIST}")
    return limit


def checked_tag(tag: str) -> str:
    """`tag` without spaces around it; StoreError for one that is empty, too long, or holds what no database keeps."""
    tag = tag.strip()
    if not 0 < len(tag) <= MAX_TAG or "\0" in tag or _has_halves(tag):
        raise StoreError(f"A tag has 1 to {MAX_TAG} characters")
    return tag


def with_tag(tags: Iterable[str], tag: str) -> tuple[str, ...]:
    """The tags with one more, each once; StoreError for more than 50 beside OPTED_OUT."""
    found = tuple(dict.fromkeys((*tags, tag)))
    if tag != OPTED_OUT and sum(one != OPTED_OUT for one in found) > MAX_TAGS:
        raise StoreError(f"A person has at most {MAX_TAGS} tags")
    return found


def as_text(value: Any) -> str:
    """`value` as JSON, written the same way always; StoreError for what is none or too large."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"The value is no JSON: {error}") from None
    if _has_halves(text):
        raise StoreError("The value holds half of a character's pair")
    if len(text.encode()) > MAX_VALUE:
        raise StoreError(f"A value has at most {MAX_VALUE // 1024} KB")
    return text


def _has_halves(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)
