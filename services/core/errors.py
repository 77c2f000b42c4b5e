"""The error tree. Every error a caller may meet has a stable code and says what to do.

FlotillaError                 code "internal"
├── InvalidInput              "invalid_input"        the request is malformed; nothing was saved
├── NotFound                  "not_found"            does not exist, or belongs to somebody else
├── Conflict                  "conflict"             a rule of uniqueness or state forbids it
├── Unauthenticated           "unauthenticated"      nobody is signed in, or the key is wrong
├── Forbidden                 "forbidden"            signed in, but the scope or role is missing
├── RateLimited               "rate_limited"         too often; try again after `retry_after` seconds
├── Unavailable               "unavailable"          a part we need does not answer; try again
├── NotDelivered              "not_delivered"        a destination of notifications did not take a message
├── ConfigurationError        "configuration"        the environment is wrong; the process must not start
└── TelegramError             "telegram_error"       the Bot API refused or did not answer
    ├── TokenRejected         "token_rejected"       401, or 404 on the token: dead or malformed
    ├── Rejected              "telegram_rejected"    any other 4xx: repeating will not help
    ├── TooManyRequests       "telegram_flood"       429 with `retry_after`
    ├── NeverSent             "telegram_unreachable" refused or unresolved: safe to repeat
    └── Uncertain             "telegram_uncertain"   the request left, no sound answer came
        └── ServerFailed      the same code          5xx in the Bot API's own words: it says that it did not do it

A code may be narrowed (``Conflict("…", code="slug_taken")``): the HTTP status hangs on the class alone. The message is
an English template: ``NotFound("There is no such click")``, and with values
``Conflict(Text("The slug '{slug}' is taken; choose another", slug=slug), …)``, so that it can be read in another language.
"""

from __future__ import annotations

from typing import ClassVar

from services.core.i18n import Text


class FlotillaError(Exception):
    """Base of all our errors: a stable `code`, and a `text` for people that says what to do; in English it is `message`."""

    default_code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str | Text,
        *,
        code: str | None = None,
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.text = message if isinstance(message, Text) else Text(message)
        super().__init__(self.text)
        self.code = code or self.default_code
        self.field = field
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """The text in English, for logs."""
        return str(self.text)


class InvalidInput(FlotillaError):
    """The request is malformed; `field` names the offending part where there is one."""

    default_code = "invalid_input"
    status = 422


class NotFound(FlotillaError):
    """No such thing for this account. Somebody else's id is answered alike, never with 403."""

    default_code = "not_found"
    status = 404


class Conflict(FlotillaError):
    """A uniqueness or state rule forbids the change."""

    default_code = "conflict"
    status = 409


class Unauthenticated(FlotillaError):
    """No valid session or key."""

    default_code = "unauthenticated"
    status = 401


class Forbidden(FlotillaError):
    """Known caller, missing scope or role."""

    default_code = "forbidden"
    status = 403


class RateLimited(FlotillaError):
    """Too many requests; `retry_after` is in seconds."""

    default_code = "rate_limited"
    status = 429


class Unavailable(FlotillaError):
    """Redis, the database or another part we need does not answer now."""

    default_code = "unavailable"
    status = 503


class NotDelivered(FlotillaError):
    """A destination did not take a message; with `permanent` repeating will not help until something is changed."""

    default_code = "not_delivered"
    status = 502

    def __init__(
        self, message: str | Text, *, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.permanent = permanent


class ConfigurationError(FlotillaError):
    """The environment is wrong: names the variable and the reason; the process must not start."""

    default_code = "configuration"


class TelegramError(FlotillaError):
    """The Bot API refused or did not answer. `permanent` tells whether repeating can help, `may_have_arrived` whether
    it could do the same twice.

    `error_code` is Telegram's number, else the HTTP status, else 0. `migrate_to_chat_id` is set when a group moved.
    """

    default_code = "telegram_error"
    status = 502
    permanent: ClassVar[bool] = False
    may_have_arrived: ClassVar[bool] = False

    def __init__(
        self,
        message: str | Text,
        *,
        error_code: int = 0,
        code: str | None = None,
        retry_after: float | None = None,
        migrate_to_chat_id: int | None = None,
    ) -> None:
        super().__init__(message, code=code, retry_after=retry_after)
        self.error_code = error_code
        self.migrate_to_chat_id = migrate_to_chat_id


class TokenRejected(TelegramError):
    """401, or 404 on the method path: the token is revoked, deleted, banned or malformed."""

    default_code = "token_rejected"
    status = 422
    permanent = True


class Rejected(TelegramError):
    """A 4xx about this one request: a blocked user, a missing chat, bad markup.

    The code is "telegram_frozen" when the bot's account is frozen, which no other request will escape either.
    """

    default_code = "telegram_rejected"
    status = 422
    permanent = True


class TooManyRequests(TelegramError):
    """429; wait `retry_after` seconds (10,072 s has been seen: reschedule, never sleep in a worker)."""

    default_code = "telegram_flood"
    status = 503


class NeverSent(TelegramError):
    """Connection refused, DNS or TLS failure: the request cannot have had an effect."""

    default_code = "telegram_unreachable"
    status = 503


class Uncertain(TelegramError):
    """Timeout or reset after the request left, a gateway's 5xx, or an answer that is no Bot API answer."""

    default_code = "telegram_uncertain"
    status = 502
    may_have_arrived = True


class ServerFailed(Uncertain):
    """5xx (but 502 and 504) in the Bot API's own JSON: the server itself says that it failed, repeating may help."""

    may_have_arrived = False
