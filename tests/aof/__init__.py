"""The log while the store runs: what is written, when it is synced, and what happens when that fails."""
