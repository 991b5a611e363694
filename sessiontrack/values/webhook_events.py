"""The types of events that webhooks are told of."""

NEW_DEVICE = "New Device"
DEVICE_DOWN = "Device Down"
DOWN_RECONNECTED = "Down Reconnected"
FLAPPING = "flapping"
NEW_ADDRESS = "login from a new address"
EVENT_TYPES = (NEW_DEVICE, DEVICE_DOWN, DOWN_RECONNECTED, FLAPPING, NEW_ADDRESS)
# Sent on demand, to whatever a receiver wants to be told of.
TEST = "test"
