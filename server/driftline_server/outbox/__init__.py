"""The outbox: messages that are committed with the alerts they tell of, and sent from the store until they arrive."""
