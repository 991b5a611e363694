"""The formats of a webhook's notifications: this project's own JSON, and those of widespread receivers."""

JSON = "json"
NTFY = "ntfy"
GOTIFY = "gotify"
# Mattermost takes the same.
SLACK = "slack"
HOME_ASSISTANT = "home-assistant"
FORMATS = (JSON, NTFY, GOTIFY, SLACK, HOME_ASSISTANT)
