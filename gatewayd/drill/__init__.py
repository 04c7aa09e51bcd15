"""The drill: faults struck against the real daemon on this machine, and what came of every reading.

Everything is in a scratch folder on the loopback: a device that counts, a simulated relay, two
local clouds. The customer's configuration, state and hardware are not touched.
"""
