"""`make lighthouse`: the pool's and the bot's page as Lighthouse sees them, on a phone and at a desk."""
