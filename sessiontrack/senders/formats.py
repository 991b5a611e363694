"""The body of a delivery as its receiver wants it.

The outbox holds this project's own JSON. It is shaped when it is sent, so a webhook whose format was changed
gets what still waits in its new one.

Sources: ntfy "Publish as JSON" (docs.ntfy.sh/publish), Gotify "Push messages" (gotify.net/docs/pushmsg),
Slack "Sending messages using incoming webhooks" (docs.slack.dev), Mattermost "Incoming webhooks"
(developers.mattermost.com), Home Assistant "Webhook trigger" (home-assistant.io/docs/automation/trigger).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from sessiontrack.exceptions import InvalidInput
from sessiontrack.senders.messages import Message
from sessiontrack.values.timestamps import SiteTime
from sessiontrack.values.webhook_events import (
    DEVICE_DOWN,
    DOWN_RECONNECTED,
    FLAPPING,
    NEW_ADDRESS,
    NEW_DEVICE,
    SOURCE_BACK,
    SOURCE_SILENT,
    TEST,
)
from sessiontrack.values.webhook_formats import GOTIFY, HOME_ASSISTANT, NTFY, SLACK

_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")


class _Kind(NamedTuple):
    """How an event of one type is said.

    title: of the name of the device or the source, or of the user.
    when: what its instant is.
    tag: a short code of an emoji, as ntfy knows them.
    """

    title: str
    when: str
    tag: str
    is_urgent: bool = False


KINDS = {
    NEW_DEVICE: _Kind("{} is new", "Since {}", "new"),
    DEVICE_DOWN: _Kind("{} is down", "Last seen {}", "red_circle", is_urgent=True),
    DOWN_RECONNECTED: _Kind("{} is back", "Since {}", "green_circle"),
    FLAPPING: _Kind("{} comes and goes all the time", "At {}", "warning"),
    NEW_ADDRESS: _Kind("{} signed in from a new address", "At {}", "key", is_urgent=True),
    SOURCE_SILENT: _Kind("Source {} is silent", "At {}", "warning", is_urgent=True),
    SOURCE_BACK: _Kind("Source {} is back", "At {}", "green_circle"),
    TEST: _Kind("Test of sessiontrack", "Sent {}", "test_tube"),
}


class Words(NamedTuple):
    """An event for people."""

    title: str
    message: str
    kind: _Kind


def check_format(name: str, url: str) -> None:
    """Refuse an address that is not one of such a receiver.

    Args:
        url: found good by senders.targets.check_target.
    Raises:
        InvalidInput: it lacks what receivers of this format have.
    """
    path = urlsplit(url).path
    wrong = ""
    if name == NTFY and not _TOPIC.fullmatch(path.rpartition("/")[2]):
        wrong = "An address of ntfy ends in a topic, like https://ntfy.sh/long-random-topic."
    elif name == GOTIFY and not path.endswith("/message"):
        wrong = "An address of Gotify is like https://gotify.example/message?token=..."
    elif name == HOME_ASSISTANT and "/api/webhook/" not in path:
        wrong = "An address of Home Assistant is like http://homeassistant.local:8123/api/webhook/my-id."
    if wrong:
        raise InvalidInput(wrong, {"url": [wrong]})


def shaped(message: Message, site: SiteTime) -> Message:
    """The message as its receiver wants it; in this project's own format, it is as it was."""
    shape = _SHAPES.get(message.format)
    return message if shape is None else shape(message, json.loads(message.body), site)


def words(told: Mapping[str, Any], site: SiteTime, quoted: Callable[[str], str] = str) -> Words:
    """What happened, for people.

    Args:
        quoted: how addresses are written.
    """
    kind = KINDS.get(told["type"]) or _Kind(told["type"], "At {}", "information_source")
    device, source = told.get("device", {}), told.get("source", {})
    name = (
        device.get("name") or device.get("mac") or source.get("name") or told.get("user", {}).get("username")
    )
    addresses = [device.get("mac"), device.get("ip"), told.get("address")]
    parts = [kind.when.format(site.format_minute(told["at"]))]
    parts += [quoted(each) for each in addresses if each]
    parts += [each for each in (device.get("owner"), device.get("vendor"), source.get("reason")) if each]
    return Words(kind.title.replace("{}", name or ""), ", ".join(parts), kind)


def _ntfy(message: Message, told: Mapping[str, Any], site: SiteTime) -> Message:
    """JSON is published to the root; the topic is the last part of the address that people know."""
    said = words(told, site)
    parts = urlsplit(message.url)
    folder, _, topic = parts.path.rpartition("/")
    body = {
        "topic": topic,
        "title": said.title,
        "message": said.message,
        "tags": [said.kind.tag],
        "priority": 4 if said.kind.is_urgent else 3,
    }
    return _with(message, body, urlunsplit(parts._replace(path=f"{folder}/")))


def _gotify(message: Message, told: Mapping[str, Any], site: SiteTime) -> Message:
    said = words(told, site)
    body = {"title": said.title, "message": said.message, "priority": 8 if said.kind.is_urgent else 5}
    return _with(message, body)


def _slack(message: Message, told: Mapping[str, Any], site: SiteTime) -> Message:
    """A device names itself: in its name nothing mentions a channel, and nothing is a link."""
    said = words({**told, **_plain(told)}, site, lambda address: f"`{address}`")
    return _with(message, {"text": f"{said.title}\n{said.message}"})


def _home_assistant(message: Message, told: Mapping[str, Any], site: SiteTime) -> Message:
    """Everything is in `trigger.json`; with a title and a message, ready to be shown."""
    said = words(told, site)
    return _with(message, {**told, "title": said.title, "message": said.message})


def _plain(value: Any) -> Any:
    """Without what Slack and Mattermost read as a mention, a link or a command."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if not isinstance(value, str):
        return value
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "@\u200b"), ("](", "]\u200b(")):
        value = value.replace(sign, written)
    return value


def _with(message: Message, body: Mapping[str, Any], url: str = "") -> Message:
    return replace(message, url=url or message.url, body=json.dumps(body, ensure_ascii=False).encode())


_SHAPES = {NTFY: _ntfy, GOTIFY: _gotify, SLACK: _slack, HOME_ASSISTANT: _home_assistant}
