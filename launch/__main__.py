"""`python -m launch [run|demo]`. Ctrl-C counts from the first moment, before the half second of imports."""

import sys

from launch import interrupts

if __name__ == "__main__":
    interrupts.listen()

    from launch.command import main

    sys.exit(main(sys.argv[1:]))
