"""Programs that say by themselves that they are none of a browser, whatever their name: by the form of their agent.

Lists of names are behind by nature. The forms hold for those to come: a browser begins as browsers do and names the
system that it runs on; a program gives an address for questions, or calls itself "compatible".
"""

from __future__ import annotations

import re
from typing import Final

# Some in front have a quotation mark or a space too many.
_BROWSER: Final = re.compile(r"[\"' ]{0,3}(?:Mozilla/\d|Opera[/ ]\d|Dalvik/\d)")
# Older telephones begin with their own name. Dalvik is an application of a telephone's owner: in doubt a person.
_OLD_PHONE: Final = re.compile(
    r"MIDP|CLDC|J2ME|UP\.Browser|UP\.Link|UCWEB|UCBrowser|NetFront|Obigo|Teleca|Opera Mini|^(?:BlackBerry|Nokia)\d|"
    r"^(?:DoCoMo|KDDI-|SoftBank/|SonyEricsson|SAMSUNG-|LG-|MOT-|ZTE-|HUAWEI)|\bAppleWebKit/\d{3}"
)
_SYSTEM: Final = re.compile(
    r"Windows|Win(?:9[58x]|NT|32)|Mac[ _]|Macintosh|Darwin|X11|Linux|CrOS|Android|Adr \d|iP(?:hone|ad|od)|Mobi|Tablet|"
    r"Phone|Symbian|Series ?\d0|Nokia|BlackBerry|BB10|PlayBook|PlayStation|PSP|Nintendo|Xbox|Tizen|Web0S|webOS|"
    r"\bTV|Harmony|BSD|SunOS|OS/2|BeOS|Haiku|Amiga|RISC OS|Fuchsia|Kindle|Silk|MeeGo|Maemo|Bada|Brew|J2ME|MIDP|Opera",
    re.IGNORECASE,
)
# An address of a page or a mailbox. Ecosia's "android@150.0.0.0" is a version.
_ADDRESS: Final = re.compile(
    r"https?:/|\bwww\.|\+[a-z][\w.-]{0,80}\.[a-z]{2}|@[a-z][\w-]{0,62}\.[a-z]{2}|\[at\]|\([\w-]{1,60}\.(?:com|io|net|org)\b",
    re.IGNORECASE,
)
_COMPATIBLE: Final = re.compile(
    r"\bcompatible[;,]\s{0,4}(?!MSIE|Mozilla|Konqueror|Opera|NetFront|OmniWeb|Windows|Linux|X11|Android|iP|U;|Mac)[\w+]",
    re.IGNORECASE,
)
# What a program for measuring, testing or fetching calls itself at the end of a browser's agent that it borrows.
_TRADE: Final = re.compile(
    r"synthetic|scanner|scanning|researchscan|securityheaders|appinsights|unfurl|(?:url|link|page)-?preview|urldownloader|"
    r"headless|playwright|selenium|puppeteer|webdriver|phantomjs|http-?(?:client|agent)\b|-user/\d|-monitor\b|monitorrss|"
    r"(?:scan|verify|check|checker|watcher|audit|auditor|tester|fetcher|harvester|archiver|grabber|parser)/\d|"
    r"\bagent\)|thousandeyes|silktide|watchtowr|rigor\)|meta-external|perplexity-user",
    re.IGNORECASE,
)
# "Android 11; M bot 60 Build/…": a telephone's model is a name and declares nothing.
_MODEL: Final = re.compile(
    r"(Android(?: [\d.]{1,12})?;\s?(?:U;\s?)?(?:[a-z]{2}[-_][A-Za-z]{2};\s?)?)[^;()]{1,80}"
)


def without_model(agent: str) -> str:
    """The agent with its telephone's model taken out: what is left, the telephone's owner has not named."""
    return _MODEL.sub(r"\1", agent)


def begins_as_program(agent: str) -> bool:
    """Whether it does not begin as browsers do, of computers or of telephones new and old."""
    return _BROWSER.match(agent) is None and _OLD_PHONE.search(agent) is None


def declares_itself(agent: str) -> bool:
    """Whether it says in a browser's place who it is: an address, another's compatibility, or no system at all."""
    return (
        _ADDRESS.search(agent) is not None
        or _COMPATIBLE.search(agent) is not None
        or _SYSTEM.search(agent) is None
    )


def names_a_trade(agent: str) -> bool:
    """Whether a program's trade (scanner, monitor, preview …) stands in an agent without its model."""
    return _TRADE.search(agent) is not None
