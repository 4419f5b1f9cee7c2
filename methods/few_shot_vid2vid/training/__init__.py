"""Training of few-shot vid2vid."""
