"""`python -m tools.api_fuzz --schemathesis PATH`: have schemathesis make requests out of the API's document, right and wrong.

An installation as `tools/attack` starts it answers, asked with the key of a tenant who owns bots, pools and rules. Exit code 1
when an answer was a 5xx, had a status that its operation does not declare, or a type, header or body that does not fit.
`tools/attack`'s own fuzzing goes where no document leads (raw bytes, odd types, hostile texts) and runs with the tests; this
one is somebody else's reading of the document.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.attack.result import SQLITE
from tools.attack.target import Target, target

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# One would write to the outside, the other can take the key away that everything else is asked with.
LEFT_OUT = ("destinations.send_test", "keys.revoke")
SEED = 8
LONGEST_SECONDS = 20 * 60


def main(arguments: list[str]) -> int:
    """Run; schemathesis' own exit code: 0 when everything held, 1 when not, 2 when it could not run."""
    options = _parse(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="flotilla-fuzz-") as folder,
        target(Path(folder), SQLITE) as place,
    ):
        document = Path(folder) / "openapi.json"
        document.write_text(json.dumps(_by_number(place.client().get("/api/v1/openapi.json").json())))
        command = [*_command(options.schemathesis, options.examples, place, document), *options.more]
        return subprocess.run(command, cwd=folder, timeout=LONGEST_SECONDS, check=False).returncode


def _by_number(document: dict[str, Any]) -> dict[str, Any]:
    """The document without its answers for "any other problem", by which every status would be declared."""
    for path in document["paths"].values():
        for operation in path.values():
            del operation["responses"]["default"]
    return document


def _command(program: Path, examples: int, place: Target, document: Path) -> list[str]:
    left_out = [part for name in LEFT_OUT for part in ("--exclude-operation-id", name)]
    return [
        str(program.absolute()),
        *("run", str(document), "--url", f"http://127.0.0.1:{place.port}"),
        *("--header", f"Authorization: Bearer {place.rui.key}"),
        *("--checks", ",".join(CHECKS), "--max-examples", str(examples), "--seed", str(SEED)),
        *("--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", *left_out),
    ]


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.api_fuzz", description=__doc__)
    parser.add_argument("--schemathesis", type=Path, required=True, metavar="PATH", help="the program itself")
    parser.add_argument(
        "--examples", type=int, default=20, help="requests to an operation in each phase, at most"
    )
    parser.add_argument("more", nargs="*", help="after `--`: further options of `schemathesis run`")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
