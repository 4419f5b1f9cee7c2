"""The face-vid2vid model: six networks, one definition, two sizes (`paper` and `small`)."""
