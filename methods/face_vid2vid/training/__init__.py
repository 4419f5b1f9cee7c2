"""How face-vid2vid is trained: its objective, its pretraining, its recipes."""
