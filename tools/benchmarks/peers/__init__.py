"""What ours is compared with: the same server and settings, another application."""
