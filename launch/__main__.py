"""`python -m launch [run|demo]`. Ctrl-C counts from the first moment, before the half second of imports."""
# ruff: noqa: E402

import sys

from launch import interrupts

interrupts.listen()

from launch.command import main

sys.exit(main(sys.argv[1:]))
