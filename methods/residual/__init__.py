"""The binary residual code of appendix C.3: what a frame lacks, in one bit a channel and cell."""
