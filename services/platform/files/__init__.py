"""Contents of files: what they are by their bytes, where they lie, and whether they may be kept."""
