"""Manners towards the host: its forks, signals, threads, descriptors and exits go on undisturbed."""
