"""What the service does. One module a capability, one transaction a call; only these commit."""
