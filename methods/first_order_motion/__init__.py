"""The first-order motion model: detector, dense motion, generator; one definition, three sizes."""
