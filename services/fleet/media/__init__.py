"""The media library: files that an account uploads once, for its flows and broadcasts."""
