"""The house itself: its walls, its package, its documents."""
