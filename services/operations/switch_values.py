"""What each switch can be set to, for how long, and how that is said. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.identifiers import is_telegram_id
from services.platform.switchboard import SwitchName

DAY_MINUTES: Final = 24 * 60
WEEK_MINUTES: Final = 7 * DAY_MINUTES
LONGEST_REASON: Final = 200
LONGEST_MESSAGE: Final = 1000  # as of a bot's own maintenance
MOST_PEOPLE: Final = 1000  # every process holds them in memory
LEAST_FACTOR: Final = 0.05
COOLDOWN_SECONDS: Final = (1, 60)
# A day for what keeps people out or messages back, a week for what only slows down or checks.
MOST_MINUTES: Final[Mapping[SwitchName, int]] = {
    SwitchName.LIMITS: WEEK_MINUTES,
    SwitchName.COOLDOWN: WEEK_MINUTES,
    SwitchName.MAINTENANCE: DAY_MINUTES,
    SwitchName.ALLOW_LIST: DAY_MINUTES,
    SwitchName.TELEGRAM_NETWORK: WEEK_MINUTES,
    SwitchName.CAPTCHA: WEEK_MINUTES,
    SwitchName.BULK_PAUSE: DAY_MINUTES,
}
TITLES: Final[Mapping[SwitchName, Text]] = {
    SwitchName.LIMITS: Text("Lower limits"),
    SwitchName.COOLDOWN: Text("Longer cooldown"),
    SwitchName.MAINTENANCE: Text("Maintenance of all bots"),
    SwitchName.ALLOW_LIST: Text("Only these people"),
    SwitchName.TELEGRAM_NETWORK: Text("Webhooks from Telegram's networks only"),
    SwitchName.CAPTCHA: Text("Captcha before /start"),
    SwitchName.BULK_PAUSE: Text("Pause bulk messages"),
}


def checked(name: SwitchName, value: Any, minutes: int, reason: str) -> tuple[Any, str]:
    """The value to keep, the usual one for None, and the reason. InvalidInput names the field."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidInput(Text("Say why, in at most {most} characters", most=LONGEST_REASON), field="reason")
    if not 1 <= minutes <= MOST_MINUTES[name]:
        raise InvalidInput(
            Text("Between 1 and {most} minutes, please", most=MOST_MINUTES[name]), field="minutes"
        )
    check = _VALUES.get(name)
    return _nothing(value) if check is None else check(value), reason


def in_words(name: SwitchName, value: Any) -> Text:
    """A value as people read it."""
    if name is SwitchName.LIMITS:
        return Text("limits times {factor}", factor=value)
    if name is SwitchName.COOLDOWN:
        return Text("{seconds} s between two uses", seconds=value)
    if name is SwitchName.ALLOW_LIST:
        return Text("people: {people}", people=", ".join(map(str, value)))
    return Text.verbatim(value) if isinstance(value, str) and value else Text("on")


def _nothing(value: Any) -> bool:
    if value not in (None, True):
        raise InvalidInput("This switch has no value", field="value")
    return True


def _factor(value: Any) -> float:
    value = 0.5 if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_FACTOR <= value < 1:
        raise InvalidInput(
            Text("A factor from {least} to below 1, please, such as 0.5", least=LEAST_FACTOR), field="value"
        )
    return float(value)


def _seconds(value: Any) -> int:
    least, most = COOLDOWN_SECONDS
    value = 10 if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidInput(
            Text("From {least} to {most} seconds, please", least=least, most=most), field="value"
        )
    return int(value)


def _message(value: Any) -> str:
    value = "" if value is None else value
    if not isinstance(value, str) or len(value) > LONGEST_MESSAGE:
        raise InvalidInput(
            Text("A text of at most {most} characters, please", most=LONGEST_MESSAGE), field="value"
        )
    return value.strip()


def _people(value: Any) -> list[int]:
    if (
        not isinstance(value, list)
        or not 0 < len(value) <= MOST_PEOPLE
        or not all(map(is_telegram_id, value))
    ):
        raise InvalidInput(
            Text("At least one number of a person at Telegram, please, and at most {most}", most=MOST_PEOPLE),
            field="value",
        )
    return sorted(set(value))


_VALUES: Final[Mapping[SwitchName, Callable[[Any], Any]]] = {
    SwitchName.LIMITS: _factor,
    SwitchName.COOLDOWN: _seconds,
    SwitchName.MAINTENANCE: _message,
    SwitchName.ALLOW_LIST: _people,
}
