"""What advertising brought back: its cost beside clicks, starts, goals and money."""
