"""Real servers beside the store: how to start them, ask them, and compare with them."""
