"""The durable record: every event, numbered without gaps."""
