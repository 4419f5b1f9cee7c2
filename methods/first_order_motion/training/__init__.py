"""How the first-order motion model is trained: its objective, its pretraining, its recipes."""
