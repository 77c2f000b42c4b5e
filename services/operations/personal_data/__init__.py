"""What is kept of one person who talks with an account's bots: exported for them, and erased, as LGPD and GDPR want it."""
