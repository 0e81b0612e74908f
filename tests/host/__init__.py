"""Manners towards the host: its forks, signals, threads, descriptors, exits and other stores go on undisturbed."""
