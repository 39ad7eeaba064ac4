"""The feed to the central monitor over MQTT."""
