"""Bot API sandbox: a small program that plays Telegram at the socket, for demo, development and tests.

It imports nothing of the application and the application nothing of it. All state lives in memory and
is gone when the process ends; with ``--seed`` names, ids and tokens are the same on every start.
"""
