"""docs/licences.md, made from the metadata of what requirements.lock installs: `python -m launch.licences`."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/licences.md"
LOCKED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[.*\])?==", re.MULTILINE)
INTRODUCTION = """\
# Licences of the dependencies

<!-- Written by `make docs` from the installed packages; a test compares the names with requirements.lock. -->

What `requirements.lock` installs. Flotilla itself is MIT. Front-end files are listed in `static/vendor/VENDORED.md`.

{allowed}
| Package | Licence |
| --- | --- |
"""
PERMISSIVE = "permissive: asks to keep its notice, and nothing of whoever uses or changes Flotilla"
# What a dependency's licence may be, in its metadata's words, and why; whatever else comes is looked at by somebody first.
ALLOWED = {
    **dict.fromkeys(
        (
            *("MIT", "MIT License", "The MIT License (MIT)", "MIT-0", "ISC", "The Unlicense (Unlicense)"),
            *("BSD License", "BSD-2-Clause", "BSD-3-Clause", "ZPL-2.1"),
            *("Apache-2.0", "Apache Software License", "Apache-2.0 AND MIT", "Apache-2.0 AND BSD-2-Clause"),
            *("Apache-2.0 OR BSD-2-Clause", "Apache-2.0 OR BSD-3-Clause"),
            *("PSF-2.0", "Python Software Foundation License", "MIT AND PSF-2.0"),
        ),
        PERMISSIVE,
    ),
    "Mozilla Public License 2.0 (MPL 2.0)": "changes to its own files stay under it; used unchanged",
    "LGPL-3.0-only": "a library that is imported and can be replaced; used unchanged",
}
# Packages whose licence is allowed for them alone.
CASES = {
    "pytelegrambotapi": (
        "GPL-2.0: a work that is distributed together with it has to be under GPL-2.0 as a whole. Flotilla's own source does not hold it and "
        "stays MIT, whoever installs it gets it from its authors; whoever passes on an image with both in it passes that on under GPL-2.0. "
        "Four modules import it, behind one adapter for calls (`services/platform/telegram`), so that another library can take its place"
    ),
    "supervisor": "a BSD licence of its own with a notice more, used by `make run` alone",
}


def locked_names() -> list[str]:
    """The packages of requirements.lock, in its order."""
    names: list[str] = LOCKED.findall((ROOT / "requirements.lock").read_text())
    return names


def licence_of(package: str) -> str:
    """A package's licence in its own words; one that another Python version alone installs is looked up by hand."""
    try:
        installed = distribution(package)
    except PackageNotFoundError:
        return {"async-timeout": "Apache-2.0"}.get(package, "see its page")
    about = installed.metadata
    classifiers = [str(line) for line in about.get_all("Classifier") or []]
    named = [line.rpartition("::")[2].strip() for line in classifiers if line.startswith("License")]
    for field in ("License-Expression", "License"):
        if field in about and not (field == "License" and named):
            return str(about[field]).partition("\n")[0]
    return ", ".join(named) or _title(installed) or "?"


def _title(installed: Distribution) -> str:
    """The first line of the licence that comes with the package, where its metadata names none."""
    files = installed.metadata.get_all("License-File") or []
    text = installed.read_text(f"licenses/{files[0]}") if files else None
    return (text or "").partition("\n")[0].strip()


def main() -> None:
    """Write the page."""
    rows = [f"| {name} | {licence_of(name)} |\n" for name in locked_names()]
    PAGE.write_text(INTRODUCTION.format(allowed=_allowed()) + "".join(rows))


def _allowed() -> str:
    """What is allowed and why, as the page says it."""
    by_reason: dict[str, list[str]] = {}
    for licence, reason in ALLOWED.items():
        by_reason.setdefault(reason, []).append(licence)
    general = [f"* {', '.join(licences)}: {reason}.\n" for reason, licences in by_reason.items()]
    cases = [f"* {package} alone: {reason}.\n" for package, reason in CASES.items()]
    head = (
        "What a dependency's licence may be; anything else fails a test until somebody has looked at it:\n\n"
    )
    return head + "".join([*general, *cases])


if __name__ == "__main__":
    main()
