"""The inbox: messages between people and bots that keep them, who waits for an answer, and operators' answers."""
