"""The networks of few-shot vid2vid: Wang, Liu, Tao, Liu, Kautz, Catanzaro, NeurIPS 2019."""
