"""What a master does when it has imported everything, and before it forks the processes that work."""

from __future__ import annotations

import gc

from sqlalchemy.orm import configure_mappers


def share_imports() -> None:
    """Have children share the memory of what was imported, and do nothing again that can be done once for all of them."""
    configure_mappers()  # else at the first query of each
    gc.freeze()  # a search for garbage would write into every page, and none could be shared any more
    gc.enable()  # of what is made from now on there is little in a master
