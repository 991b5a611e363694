// In place of ../i18n.js: the few texts of the widgets, in both languages.
import commonEn from "../../catalogues/en/common.json";
import embedEn from "../../catalogues/en/embed.json";
import nowEn from "../../catalogues/en/now.json";
import timelineEn from "../../catalogues/en/timeline.json";
import commonFr from "../../catalogues/fr/common.json";
import embedFr from "../../catalogues/fr/embed.json";
import nowFr from "../../catalogues/fr/now.json";
import timelineFr from "../../catalogues/fr/timeline.json";
import { language, locale } from "./here.js";

const texts = {
  en: { ...commonEn, ...nowEn, ...timelineEn, ...embedEn },
  fr: { ...commonFr, ...nowFr, ...timelineFr, ...embedFr },
}[language];
const plural = new Intl.PluralRules(language);
const number = new Intl.NumberFormat(locale);

/** As ../i18n.js. */
export function t(key, values = {}) {
  let text = texts[key] ?? key;
  if (typeof text === "object") text = text[plural.select(values.count)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (all, name) => {
    const value = values[name];
    return value === undefined ? all : typeof value === "number" ? number.format(value) : value;
  });
}

export const formatNumber = (value) => number.format(value);
