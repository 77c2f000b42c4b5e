"""Commands that measure and print tables. Each runs its own servers on free ports and leaves nothing behind."""
