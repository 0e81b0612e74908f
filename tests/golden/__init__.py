"""Golden transcripts: a command, its reply, and the bytes it left in the log."""
