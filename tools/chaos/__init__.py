"""`make chaos`: kills, cuts and starves a real installation under load, then counts what it lost or doubled."""
