// Texts by key, in the page's language; the server names the catalogues that the page needs.
import { language, locale } from "./here.js";

const texts = {};
const files = (document.documentElement.dataset.catalogues ?? "").split(" ").filter(Boolean);
for (const module of await Promise.all(files.map((file) => import(file)))) Object.assign(texts, module.default);

const plural = new Intl.PluralRules(language);
const number = new Intl.NumberFormat(locale);

/**
 * A text with its {placeholders} filled in. One with plural forms, {"one": ..., "other": ...}, is chosen by
 * `count`. A key without a text is shown as it is; tests find it.
 */
export function t(key, values = {}) {
  let text = texts[key] ?? key;
  if (typeof text === "object") text = text[plural.select(values.count)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (all, name) => {
    const value = values[name];
    return value === undefined ? all : typeof value === "number" ? number.format(value) : value;
  });
}

export const formatNumber = (value) => number.format(value);
