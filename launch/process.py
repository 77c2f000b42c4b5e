"""`python -m launch.process NAME`: become one of the Procfile's processes, or any other command. A container's entry.

This process is replaced (exec), so that signals reach what runs and its exit code is the container's.
"""

from __future__ import annotations

import os
import sys

from launch.programs import procfile_commands

NOT_FOUND = 127  # as shells say it


def main(arguments: list[str]) -> int:
    """Replace this process by the one that `arguments` name; gives an exit code only where that cannot be."""
    commands = procfile_commands()
    if not arguments:
        sys.stderr.write(f"usage: {' | '.join(commands)} | a command, such as: flask accounts create …\n")
        return NOT_FOUND
    command = commands.get(arguments[0], arguments) if len(arguments) == 1 else arguments
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}; known are {', '.join(commands)}, and commands\n")
    return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
