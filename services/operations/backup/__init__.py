"""Backups: one encrypted file that a whole installation comes back from."""
