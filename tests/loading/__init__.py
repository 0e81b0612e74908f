"""Opening logs: whole, torn, damaged, foreign."""
