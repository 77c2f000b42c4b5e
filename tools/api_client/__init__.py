"""The API as somebody else's program sees it: a client that openapi-python-client makes of the document, and drives it.

`make api-client` installs the generator, pinned in `requirements.txt`, into a folder of its own and runs
`tests/blueprints/test_generated_client.py`; nothing of it is a dependency of the application.
"""
