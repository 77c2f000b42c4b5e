"""The installation's encryption keys: what each seals, replacing them, re-sealing, retiring old ones, reminding of it."""
