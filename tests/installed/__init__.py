"""The product as somebody else installs it: from a clean clone, with nothing but `requirements.lock`.

    test_first_command   `make run` and `make demo`, used over HTTP as a newcomer does, ended with Ctrl-C
    test_imports         every module of the product, and every import inside it, with the lock alone
    test_procfile        each line of the Procfile as it stands, on PostgreSQL and a Redis of its own

`make check-install` runs it, and nothing else does: it downloads packages and takes minutes. The tests themselves, Telegram
(the sandbox), PostgreSQL and Valkey come from the development environment; what is tested runs in processes that cannot
reach it: their environment is made here, their packages are those of the clone's own `.venv`.
"""
