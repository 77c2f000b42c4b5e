"""Bots' own programs: how many copies there should be, and what starts and ends them on this machine (ADR 44)."""
