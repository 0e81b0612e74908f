"""What a crash may take and what it must not: kills, faults of the file system, damaged files, and their
red controls.
"""
