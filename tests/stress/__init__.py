"""Stress: one store, many threads and processes, kills, and invariants that must hold after each of them."""
