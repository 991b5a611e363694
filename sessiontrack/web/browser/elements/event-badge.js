import { t } from "#i18n";
import { badge } from "./parts.js";

const VOIDED = "VOIDED - ";
/** The kind of a badge by type; never the green of what is connected now, nor the amber of a missing end. */
export const EVENT_KINDS = {
  Connected: "plain",
  Disconnected: "quiet",
  "Device Down": "danger",
  "Down Reconnected": "plain",
  "New Device": "active",
  "IP Changed": "quiet",
};

/** The kind and the text of the badge for a stored event type. */
export function eventKind(type) {
  const isVoided = type.startsWith(VOIDED);
  const plain = isVoided ? type.slice(VOIDED.length) : type;
  const name = plain in EVENT_KINDS ? t(`event.${plain}`) : plain;
  return isVoided ? { kind: "voided", text: t("event.voided", { type: name }) } : { kind: EVENT_KINDS[plain] ?? "quiet", text: name };
}

/** The badge for a stored event type. */
export function eventBadge(type) {
  const { kind, text } = eventKind(type);
  return badge(kind, text);
}
