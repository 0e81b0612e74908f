"""Checking and repairing files: what is found, what is said, what is changed."""
