"""Codecs behind one interface."""
