"""Which of the people whom an account's bots know: conditions, and the query for those who meet them."""
