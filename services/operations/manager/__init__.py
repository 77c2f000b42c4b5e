"""What people do from a private chat with the manager bot: one module per group of commands, each with its texts."""
