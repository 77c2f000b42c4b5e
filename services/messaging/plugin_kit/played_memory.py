"""What Redis would keep for a bot that is played, and whether a tap on its buttons is to be believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from plugins.buttons import Tap
from plugins.context import Context
from plugins.effects import Busy
from services.core.encryption import Vault
from services.messaging.buttons.callback_data import CallbackSigner
from services.messaging.limits.acts import act_of
from services.messaging.limits.verdicts import Refusal
from services.platform.redis import keys
from services.platform.token_encryption import open_tokens


class PlayedMemory:
    """What the product keeps in Redis: texts that end, used buttons, locks. `clock` gives epoch seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._texts: dict[str, tuple[str, float]] = {}  # -> text, its end
        self._used: set[str] = set()
        self._held: set[str] = set()

    def keep(self, key: str, text: str, seconds: float) -> None:
        """Keep `text` for `seconds`."""
        self._texts[key] = (text, self._clock() + seconds)

    def text(self, key: str) -> str:
        """What is kept, "" for nothing."""
        text, end = self._texts.get(key, ("", 0.0))
        return text if self._clock() < end else ""

    def use(self, signature: str) -> bool:
        """Use up a button that works once; False when it was used."""
        is_first = signature not in self._used
        self._used.add(signature)
        return is_first

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock for the block; Busy while somebody does."""
        if name in self._held:
            raise Busy(name)
        self._held.add(name)
        try:
            yield
        finally:
            self._held.discard(name)


def refusal_of_tap(
    ctx: Context, now: float, signer: CallbackSigner, vault: Vault, memory: PlayedMemory
) -> Refusal | None:
    """Why a tap is not to be believed; else `ctx` gets what its button carries. `now` is in epoch seconds."""
    act = act_of(
        ctx.update,
        bot_id=ctx.bot.id,
        bot_username=ctx.bot.username,
        arrived_ms=int(now * 1000),
        signer=signer,
        sensitive=frozenset(),
    )
    if act is None or act.opened is None:
        return act.refusal if act else None
    opened, payload = act.opened, act.opened.payload
    if opened.once and not memory.use(opened.signature):
        return Refusal.REPLAYED
    if opened.kept:
        payload = open_tokens(vault, memory.text(keys.button_payload(ctx.bot.id, payload)), ctx.bot.id)
        if not payload:
            return Refusal.LOST
    ctx.tap = Tap(opened.action, payload)
    return None
