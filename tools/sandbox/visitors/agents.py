"""Who clicks an ad: user agents and ad parameters as they arrive in paid traffic."""

from __future__ import annotations

import random
from dataclasses import dataclass
from urllib.parse import urlencode

ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; SM-A546E Build/UP1A.231005.007; wv) AppleWebKit/537.36 "
    "(KHTML, like Gecko)"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@dataclass(frozen=True)
class Agent:
    """A kind of client; ``weight`` is its share of the clicks, ``human`` whether it may go on to chat."""

    name: str
    weight: int
    user_agent: str
    human: bool = True
    method: str = "GET"


AGENTS = (
    Agent(
        "instagram-android",
        28,
        f"{ANDROID} Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36 "
        "Instagram 350.0.0.28.109 Android (34/14; 420dpi; 1080x2340; samsung)",
    ),
    Agent(
        "instagram-ios", 18, f"{IPHONE} Mobile/15E148 Instagram 350.0.0.21.101 (iPhone14,5; iOS 18_5; pt_BR)"
    ),
    Agent(
        "facebook-android",
        18,
        f"{ANDROID} Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/480.0.0.54.88;]",
    ),
    Agent(
        "chrome-android",
        16,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/130.0.0.0 Mobile Safari/537.36",
    ),
    Agent("safari-ios", 10, f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1"),
    Agent(
        "chrome-windows",
        3,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Chrome/130.0.0.0 Safari/537.36",
    ),
    Agent(
        "facebook-crawler",
        3,
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        human=False,
    ),
    Agent("whatsapp-preview", 2, "WhatsApp/2.24.20.89 A", human=False),
    Agent(
        "google-crawler",
        1,
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        human=False,
    ),
    Agent("uptime-monitor", 1, "curl/8.9.1", human=False, method="HEAD"),
)
"""Shares invented in the manner of a Brazilian Instagram campaign; about 7 % are machines."""
LANGUAGES = (
    "pt-BR,pt;q=0.9,en;q=0.6",
    "pt-BR,pt;q=0.9",
    "pt-PT,pt;q=0.9",
    "en-US,en;q=0.9",
    "es-AR,es;q=0.9",
)
LANGUAGE_WEIGHTS = (60, 20, 6, 9, 5)
COUNTRIES = ("BR", "PT", "US", "AR", "AO", "MX", "JP")
COUNTRY_WEIGHTS = (72, 9, 7, 5, 3, 2, 2)
CRAWLERS_FROM = "US"
CAMPAIGNS = ("verao", "lancamento", "remarketing")


def pick_agent(rng: random.Random) -> Agent:
    """One agent by weight."""
    return rng.choices(AGENTS, [agent.weight for agent in AGENTS])[0]


def headers_of(agent: Agent, rng: random.Random) -> dict[str, str]:
    """Request headers of one click."""
    headers = {"User-Agent": agent.user_agent, "Accept": "text/html,*/*;q=0.8"}
    if agent.human:
        headers["Accept-Language"] = rng.choices(LANGUAGES, LANGUAGE_WEIGHTS)[0]
    if agent.name.startswith("instagram"):
        headers["Referer"] = "https://l.instagram.com/"
    elif agent.name.startswith("facebook-android"):
        headers["Referer"] = "https://m.facebook.com/"
    return headers


def proxy_headers(agent: Agent, rng: random.Random) -> dict[str, str]:
    """What a reverse proxy would add: one address per visitor, out of those set aside for tests, and its country."""
    low = rng.randrange(2**17)  # 198.18.0.0/15, RFC 2544
    address = f"198.{18 + (low >> 16)}.{low >> 8 & 255}.{low & 255}"
    country = rng.choices(COUNTRIES, COUNTRY_WEIGHTS)[0] if agent.human else CRAWLERS_FROM
    return {"X-Forwarded-For": address, "X-Forwarded-Proto": "http", "CF-IPCountry": country}


def ad_query(agent: Agent, rng: random.Random) -> str:
    """The query string an ad network hangs on the link; nothing for direct visits and machines."""
    source = agent.name.partition("-")[0]
    if not agent.human or source not in ("instagram", "facebook"):
        return ""
    click = "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=40))
    return urlencode(
        {
            "utm_source": source,
            "utm_medium": "paid",
            "utm_campaign": rng.choice(CAMPAIGNS),
            "utm_content": f"criativo_{rng.randint(1, 4)}",
            "fbclid": f"IwZXh0bgNhZW0{click}",
        }
    )
