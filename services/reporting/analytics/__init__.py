"""Numbers for people: the overview, the series of clicks, what is unread."""
