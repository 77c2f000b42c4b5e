"""Flows of an account: drafts, what is wrong with them, publishing, and the versions that bots play."""
