"""A long run: an installation under steady load, and what of it grows without bound; see docs/soak.md."""
