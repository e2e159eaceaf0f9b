"""Alerts in the server: the core's board, fed with what is seen, its changes committed together with what is to be told."""
