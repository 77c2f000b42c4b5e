"""Tests of the Bot API sandbox."""
