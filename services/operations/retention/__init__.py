"""How long each kind of data is kept, deleting what is older, and how much there is of each."""
