"""Where a pool's visitors go when none of its bots may serve: another pool or an address."""

from __future__ import annotations

from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from sqlalchemy.orm import Session

from models import RedirectPool
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.url_safety import ascii_host, names_public_host
from services.platform.accounts.principal import Principal, get_owned

LONGEST_CHAIN = 5  # pools that one click may be handed on through


def check_fallback_url(url: str) -> str:
    """`url` in plain ASCII if people may be sent there; InvalidInput for anything but public http(s) addresses."""
    if len(url) > 2000 or not url.isprintable() or any(sign in url for sign in ' "<>\\^`{|}'):
        raise _refused(Text("This is not a web address"))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused(Text("This is not a web address")) from None
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise _refused(Text("The fallback address must begin with https:// or http:// and name a host"))
    if parts.username is not None or parts.password is not None:
        raise _refused(Text("The fallback address must not hold a name or password"))
    if not names_public_host(host):
        raise _refused(Text("The fallback address must be reachable from the internet"))
    return url if url.isascii() else _in_ascii(parts, host)


def _in_ascii(parts: SplitResult, host: str) -> str:
    """An address with foreign letters in the form that a Location header can hold."""
    name = ascii_host(host)
    if not name:
        raise _refused(Text("This is not a web address"))
    name = f"[{name}]" if ":" in name else name
    netloc = f"{name}:{parts.port}" if parts.port else name
    rest = (quote(part, safe="/?%:@!$&'()*+,;=~") for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, netloc, *rest))


def _refused(reason: Text) -> InvalidInput:
    return InvalidInput(reason, field="fallback_url")


def check_fallback_pool(session: Session, caller: Principal, pool: RedirectPool, fallback_id: int) -> None:
    """Refuse a fallback pool of somebody else (NotFound), or one that leads back to `pool` (InvalidInput)."""
    following: RedirectPool | None = get_owned(session, caller, RedirectPool, fallback_id)
    if following is not None and following.account_id != pool.account_id:
        raise InvalidInput("The fallback pool belongs to another account", field="fallback_pool_id")
    for _ in range(LONGEST_CHAIN):
        if following is None:
            return
        if following.id == pool.id:
            raise InvalidInput(
                "These pools would hand visitors round in a circle",
                code="fallback_circle",
                field="fallback_pool_id",
            )
        onward = following.fallback_pool_id
        following = session.get(RedirectPool, onward) if onward else None
    raise InvalidInput(
        Text("A chain of fallback pools may have at most {most} links", most=LONGEST_CHAIN),
        code="fallback_chain_too_long",
        field="fallback_pool_id",
    )
