import { t } from "#i18n";
import { badge } from "./parts.js";

const VOIDED = "VOIDED - ";
const KINDS = {
  Connected: "ok",
  Disconnected: "quiet",
  "Device Down": "danger",
  "Down Reconnected": "ok",
  "New Device": "active",
  "IP Changed": "warning",
};

/** The kind and the text of the badge for a stored event type. */
export function eventKind(type) {
  const isVoided = type.startsWith(VOIDED);
  const plain = isVoided ? type.slice(VOIDED.length) : type;
  const name = plain in KINDS ? t(`event.${plain}`) : plain;
  return isVoided ? { kind: "voided", text: t("event.voided", { type: name }) } : { kind: KINDS[plain] ?? "quiet", text: name };
}

/** The badge for a stored event type. */
export function eventBadge(type) {
  const { kind, text } = eventKind(type);
  return badge(kind, text);
}
