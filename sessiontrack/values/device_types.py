"""What kinds of device there are."""

TYPES = ("phone", "laptop", "tv", "printer", "camera", "iot", "server", "network")
