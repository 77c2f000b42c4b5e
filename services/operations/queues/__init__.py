"""What people see of queues, and what they may do about them."""
