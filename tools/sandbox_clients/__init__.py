"""Bot libraries drive the sandbox, each through its own dispatcher: does what it answers fit what they read?

    make sandbox-clients

Each driver, a program of its own, gets SANDBOX_URL, BOT_TOKEN, CHAT_ID, RICH_TEXT (HTML) and RICH_ENTITIES (the kinds that must
come back) in its environment. It long-polls, answers /start with a button, turns that message into "pressed" at the tap, then calls
the methods of the list in its source, looks at what the library made of each answer, prints `ok <check>` for it, and ends with code 0.
"""
