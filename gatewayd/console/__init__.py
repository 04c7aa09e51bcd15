"""What a person at the gateway sees: the control socket, the local page and its API."""
