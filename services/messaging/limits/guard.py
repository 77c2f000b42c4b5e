"""Abuse protection before a handler runs: judges updates of a whole batch in one round trip."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from redis import RedisError

from services.alerts.dead_letters.replay_id import replay_of
from services.core.metrics import CALLBACKS_REFUSED, RATE_LIMIT_HITS
from services.core.rate_limits import RateLimit
from services.core.times import utc_now
from services.messaging.buttons.callback_data import CallbackSigner
from services.messaging.limits.acts import act_of
from services.messaging.limits.admission import is_addressed, refusal_of
from services.messaging.limits.captcha_choices import TRIES, TRY, is_choice
from services.messaging.limits.judge import NOTICE_SECONDS, Act, Judge, Rates
from services.messaging.limits.switched import access_now, rates_now
from services.messaging.limits.verdicts import INVALID, KEPT_OUT, PASSED, Refusal, Verdict
from services.messaging.plugin_runtime.behaviour import Behaviour, PeopleLimits
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
        self._switches = platform.switches
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
                asked = self._asked(each, behaviour, json.loads(each.update))
            except Exception:  # whatever one update contains, the others of its batch are judged
                logger.warning("an update cannot be judged ahead of its handling", exc_info=True)
                continue
            if isinstance(asked, Verdict):
                verdicts[place] = asked
            else:
                places.append(place)
                judged.append(asked)
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
            _count(act.bot_id, act.user, verdict)
        return verdicts

    def judge(self, arrived: Arrived, behaviour: Behaviour, update: dict[str, Any]) -> Verdict:
        """The verdict of one update, sharing the round trip with whoever asks at the same time. Raises RedisError."""
        asked = self._asked(arrived, behaviour, update)
        if isinstance(asked, Verdict):
            return asked
        verdict = self._single.submit(asked)
        _count(asked[0].bot_id, asked[0].user, verdict)
        return verdict

    def _asked(
        self, arrived: Arrived, behaviour: Behaviour, update: dict[str, Any]
    ) -> tuple[Act, Rates] | Verdict:
        """What Redis is to judge; the verdict itself where there is nothing to ask: of the blocked, and of what has no limit.

        Whoever else is kept out counts towards the limits all the same, and uses up no button.
        """
        replay = replay_of(arrived.request_id, "update") is not None
        refusal = refusal_of(access_now(behaviour, self._switches), update, utc_now(), replay=replay)
        act = None if refusal is Refusal.BLOCKED else self._act(arrived, behaviour, update)
        if refusal is not None and (act is None or not is_addressed(update, act.action)):
            verdict = Verdict(refusal, tell=False)
            _count(arrived.bot_id, "", verdict)
            return verdict
        if act is None:
            return PASSED
        if refusal is not None:
            act = replace(act, cooling="", opened=None, refusal=refusal)
        elif act.opened is not None and is_choice(act.opened.action):
            act = replace(act, action=TRY, cooling="")
        return act, self._rates(act, arrived, behaviour.people)

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

    def _rates(self, act: Act, arrived: Arrived, people: PeopleLimits) -> Rates:
        if replay_of(arrived.request_id, "update"):
            return UNLIMITED
        if act.action == TRY:
            return Rates(TRIES, 0, 0, 0)
        settings = self._settings
        limits = settings.rate_limits_json
        window = limits.get(act.action) or limits.get("default") or DEFAULT_LIMIT
        rate = settings.user_rate_per_minute if people.per_minute is None else people.per_minute
        rates = Rates(
            window if rate and people.enabled else None,
            rate,
            people.burst or settings.user_rate_burst,
            settings.cooldown_seconds,
        )
        return rates_now(rates, self._switches)

    def _judge_here(self, act: Act, rates: Rates) -> Verdict | None:
        if act.opened is not None and (act.opened.once or act.opened.kept):
            return None
        if rates.window is not None:
            window = (f"{act.bot_id}:{act.user}:{act.action}", rates.window.limit, rates.window.window)
            if not self._memory.acquire_entry(*window):
                oldest, _ = self._memory.get_moving_window(*window)
                wait = math.ceil(oldest + rates.window.window - time.time())
                return Verdict(Refusal.WINDOW, tell=False, wait_seconds=max(1, wait))
        if act.refusal in KEPT_OUT:
            told = (f"{act.bot_id}:{act.user}:told", 1, NOTICE_SECONDS)
            return Verdict(act.refusal, tell=self._memory.acquire_entry(*told))
        if act.opened is None:
            return Verdict(act.refusal)
        return Verdict(
            None, action=act.opened.action, payload=act.opened.payload, anonymous=act.opened.anonymous
        )


def _count(bot_id: int, user: str, verdict: Verdict | None) -> None:
    if verdict is None or verdict.refusal is None:
        return
    if verdict.refusal in INVALID:
        CALLBACKS_REFUSED.labels(verdict.refusal).inc()
    else:
        RATE_LIMIT_HITS.labels(verdict.refusal).inc()
    logger.info("update refused: %s", verdict.refusal, extra={"bot_id": bot_id, "user_id": user})
