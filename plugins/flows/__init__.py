"""Flows: what a bot says and does, as data (`document`), and the plugin that plays it."""
