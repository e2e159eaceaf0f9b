"""Telling people and machines: receivers, where messages may go, what they say, how each channel sends them."""
