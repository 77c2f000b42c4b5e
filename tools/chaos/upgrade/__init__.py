"""`python -m tools.chaos --upgrade`: a former release becomes this one under clicks and updates, and nothing is lost."""
