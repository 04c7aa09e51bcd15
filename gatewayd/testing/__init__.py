"""Fakes that remember what was done to them, and a clock that jumps; shipped for drivers' tests."""
