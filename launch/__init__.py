"""Starting everything on one machine: `python -m launch` (`make run`) and `python -m launch demo` (`make demo`).

    launcher ── supervisord ─┬─ Valkey                       started first, stopped last
                             └─ the processes of the Procfile (in the demo also the sandbox and its visitors)

The launcher reads the settings, locks DATA_DIR, upgrades the schema and only then opens the *gate*: a file that the
processes wait for. Each program is started through `parent_death.py`, so that nothing outlives a killed parent.
"""
