"""`python -m tools.sandbox_clients --python PYTHON --node-modules FOLDER`: run the drivers, print a line for each library."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tools.servers.sandbox import Sandbox, running_sandbox

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS = 90.0
RICH_TEXT = (
    '<pre><code class="language-python">x = 1</code></pre> <blockquote expandable>long</blockquote> '
    '<tg-emoji emoji-id="5368324170671202286">👍</tg-emoji> https://example.com @somebody #promo /help '
    "ana@example.com +55 11 99999-0000 $USD"
)
RICH_ENTITIES = (
    "pre,expandable_blockquote,custom_emoji,url,mention,hashtag,bot_command,email,phone_number,cashtag"
)
IN_PYTHON = {
    "aiogram": "aiogram_driver",
    "python-telegram-bot": "python_telegram_bot_driver",
    "pyTelegramBotAPI": "pytelegrambotapi_driver",
}
IN_JAVASCRIPT = {"Telegraf": "telegraf_driver.js", "grammY": "grammy_driver.js"}


@dataclass(frozen=True)
class Result:
    """How a library got on: the checks that held, and what it said when it did not come through."""

    passed: int
    failure: str


def main(arguments: list[str]) -> int:
    """0 when every library came through, 1 when one did not, 2 without Node.js."""
    parser = argparse.ArgumentParser(prog="python -m tools.sandbox_clients")
    parser.add_argument("--python", required=True, help="of a venv with requirements.txt")
    parser.add_argument("--node-modules", required=True, help="folder made of package-lock.json")
    options = parser.parse_args(arguments)
    node = shutil.which("node")
    if node is None:
        print("node is missing: Telegraf and grammY need Node.js 18 or newer", file=sys.stderr)
        return 2
    commands = {
        **{name: [options.python, "-m", f"{__package__}.{module}"] for name, module in IN_PYTHON.items()},
        **{name: [node, str(HERE / file)] for name, file in IN_JAVASCRIPT.items()},
    }
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder)) as sandbox:
        results = {name: drive(sandbox, command, options.node_modules) for name, command in commands.items()}
    for name, result in results.items():
        print(f"{name:<20} {result.passed:>3} checks   {result.failure or 'reads everything'}")
    return int(any(result.failure for result in results.values()))


def drive(sandbox: Sandbox, command: list[str], node_modules: str) -> Result:
    """Run a driver beside a person who presses Start, then the button."""
    bot, person = sandbox.create_bot(), int(sandbox.create_user()["id"])
    sandbox.start(person, bot["id"])
    environ = {
        **os.environ,
        "SANDBOX_URL": sandbox.url,
        "BOT_TOKEN": bot["token"],
        "CHAT_ID": str(person),
        "RICH_TEXT": RICH_TEXT,
        "RICH_ENTITIES": RICH_ENTITIES,
        "NODE_PATH": str(Path(node_modules).resolve()),
    }
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        press(sandbox, person, int(bot["id"]), process)
        said, complaint = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        said, complaint = process.communicate()
        complaint = complaint or f"did not end in {SECONDS:.0f} s"
    passed = sum(line.startswith("ok ") for line in said.splitlines())
    if process.returncode:
        return Result(passed, (complaint.strip().splitlines() or ["no word"])[-1])
    texts = [message["text"] for message in sandbox.transcript(person, bot["id"])]
    return Result(passed, "" if "pressed" in texts else "the tap left no trace")


def press(sandbox: Sandbox, person: int, bot: int, process: subprocess.Popen[str]) -> None:
    """Wait for the button and tap it; without one the driver ends, or its time."""
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        for message in sandbox.transcript(person, bot):
            if message["buttons"]:
                sandbox.press(person, bot, message["message_id"], message["buttons"][0][0]["data"])
                return
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
