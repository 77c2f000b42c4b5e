"""What advertising cost: brought as a table or by programs, kept by day, with the exchange rates of the account."""
