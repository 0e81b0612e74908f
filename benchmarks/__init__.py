"""What aofstore is measured against, and how; `make bench` runs `benchmarks.run`."""
