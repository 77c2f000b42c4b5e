"""The people of an account as lists and one by one: who they are, what brought them, what they did."""
