"""State machines: the store, itself reopened, and two real servers run the same commands and must agree."""
