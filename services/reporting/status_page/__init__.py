"""Public status pages: what an account shows of its pools to everybody."""
