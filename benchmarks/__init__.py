"""Speed and memory of setwise, beside a textbook implementation and the floor: ``python -m benchmarks``."""
