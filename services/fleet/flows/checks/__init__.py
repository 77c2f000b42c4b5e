"""What is wrong with a flow, or may be: each finding with a stable code and its place."""
