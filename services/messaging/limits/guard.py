"""Abuse protection before a handler runs: judges updates of a whole batch in one round trip."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

from redis import RedisError

from services.alerts.dead_letters.replay_id import replay_of
from services.core.metrics import CALLBACKS_REFUSED, RATE_LIMIT_HITS
from services.core.rate_limits import RateLimit
from services.messaging.buttons.callback_data import CallbackSigner
from services.messaging.limits.acts import act_of
from services.messaging.limits.judge import Act, Judge, Rates
from services.messaging.limits.verdicts import INVALID, PASSED, Refusal, Verdict
from services.messaging.plugin_runtime.behaviour import Behaviour
from services.messaging.upgraded_groups import UpgradedGroups
from services.platform.platform import Platform
from services.platform.redis.group_commit import GroupCommit
from services.platform.redis.windows import ProcessMemory

logger = logging.getLogger(__name__)
DEFAULT_LIMIT = RateLimit(limit=30, window=60)
UNLIMITED = Rates(None, 0, 0, 0)  # for replays: the operator asks, and many a person's letters come at once


class Arrived(Protocol):
    """An update as it lies in its lane; the entry's id begins with the moment of arrival in ms."""

    @property
    def entry_id(self) -> str: ...
    @property
    def bot_id(self) -> int: ...
    @property
    def request_id(self) -> str: ...
    @property
    def update(self) -> str: ...


class Guard:
    """Judges the updates of one process."""

    def __init__(self, platform: Platform) -> None:
        self._settings = platform.settings
        self.signer = CallbackSigner(platform.vault)
        self._groups = UpgradedGroups(platform)
        self._judge = Judge(platform.redis)
        self._single: GroupCommit[tuple[Act, Rates], Verdict] = GroupCommit(self._judge.judge, largest=128)
        self._memory = ProcessMemory()

    def judge_all(self, arrived: Sequence[tuple[Arrived, Behaviour]]) -> list[Verdict | None]:
        """The verdict of each update in one round trip; None for one that only a later `judge` can decide.

        While Redis takes no counts, limits are kept in this process, and what must not happen twice has to wait.
        """
        verdicts: list[Verdict | None] = [None] * len(arrived)
        places: list[int] = []
        judged: list[tuple[Act, Rates]] = []
        for place, (each, behaviour) in enumerate(arrived):
            try:
                act = self._act(each, behaviour, json.loads(each.update))
            except Exception:  # whatever one update contains, the others of its batch are judged
                logger.warning("an update cannot be judged ahead of its handling", exc_info=True)
                continue
            if act is None:
                verdicts[place] = PASSED
            else:
                places.append(place)
                judged.append((act, self._rates(act, each)))
        for place, verdict in zip(places, self._judged(judged), strict=True):
            verdicts[place] = verdict
        return verdicts

    def _judged(self, judged: Sequence[tuple[Act, Rates]]) -> list[Verdict | None]:
        if not judged:
            return []
        try:
            verdicts: list[Verdict | None] = [*self._judge.judge(judged)]
        except RedisError as error:
            logger.warning("updates are limited in this process only: %s", type(error).__name__)
            verdicts = [self._judge_here(act, rates) for act, rates in judged]
        for (act, _), verdict in zip(judged, verdicts, strict=True):
            _count(act, verdict)
        return verdicts

    def judge(self, arrived: Arrived, behaviour: Behaviour, update: dict[str, Any]) -> Verdict:
        """The verdict of one update, sharing the round trip with whoever asks at the same time. Raises RedisError."""
        act = self._act(arrived, behaviour, update)
        if act is None:
            return PASSED
        verdict = self._single.submit((act, self._rates(act, arrived)))
        _count(act, verdict)
        return verdict

    def _act(self, arrived: Arrived, behaviour: Behaviour, update: dict[str, Any]) -> Act | None:
        return act_of(
            update,
            bot_id=arrived.bot_id,
            bot_username=behaviour.bot.username,
            arrived_ms=int(arrived.entry_id.partition("-")[0]),
            signer=self.signer,
            sensitive=behaviour.router.sensitive,
            former_chat=partial(self._groups.former_id, arrived.bot_id),
        )

    def _rates(self, act: Act, arrived: Arrived) -> Rates:
        if replay_of(arrived.request_id, "update"):
            return UNLIMITED
        settings = self._settings
        limits = settings.rate_limits_json
        window = limits.get(act.action) or limits.get("default") or DEFAULT_LIMIT
        return Rates(
            window if settings.user_rate_per_minute else None,
            settings.user_rate_per_minute,
            settings.user_rate_burst,
            settings.cooldown_seconds,
        )

    def _judge_here(self, act: Act, rates: Rates) -> Verdict | None:
        if act.opened is not None and (act.opened.once or act.opened.kept):
            return None
        if rates.window is not None:
            window = (f"{act.bot_id}:{act.user}:{act.action}", rates.window.limit, rates.window.window)
            if not self._memory.acquire_entry(*window):
                oldest, _ = self._memory.get_moving_window(*window)
                wait = math.ceil(oldest + rates.window.window - time.time())
                return Verdict(Refusal.WINDOW, tell=False, wait_seconds=max(1, wait))
        if act.opened is None:
            return Verdict(act.refusal)
        return Verdict(
            None, action=act.opened.action, payload=act.opened.payload, anonymous=act.opened.anonymous
        )


def _count(act: Act, verdict: Verdict | None) -> None:
    if verdict is None or verdict.refusal is None:
        return
    if verdict.refusal in INVALID:
        CALLBACKS_REFUSED.labels(verdict.refusal).inc()
    else:
        RATE_LIMIT_HITS.labels(verdict.refusal).inc()
    logger.info("update refused: %s", verdict.refusal, extra={"bot_id": act.bot_id, "user_id": act.user})
