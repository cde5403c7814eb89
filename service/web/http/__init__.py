"""What all requests share: who asks, what is sent, how errors look, limits."""
