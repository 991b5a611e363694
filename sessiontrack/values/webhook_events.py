"""The types of notifications."""

NEW_DEVICE = "New Device"
DEVICE_DOWN = "Device Down"
DOWN_RECONNECTED = "Down Reconnected"
FLAPPING = "flapping"
NEW_ADDRESS = "login from a new address"
SOURCE_SILENT = "source.silent"
SOURCE_BACK = "source.back"
EVENT_TYPES = (
    NEW_DEVICE,
    DEVICE_DOWN,
    DOWN_RECONNECTED,
    FLAPPING,
    NEW_ADDRESS,
    SOURCE_SILENT,
    SOURCE_BACK,
)
# Sent on demand, whatever types a receiver wants.
TEST = "test"
