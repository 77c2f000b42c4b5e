"""Bots that people make by the manager bot's link: suggesting their names, registering them, ending their tokens."""
