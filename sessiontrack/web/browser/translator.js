// Shared by both i18n.js files: turns keys into texts.

/**
 * @param {object} texts by key, in one language; may grow later
 * @param {string} language such as "en"
 * @param {string} locale how numbers are written
 */
export function translator(texts, language, locale) {
  const plural = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(locale);

  /**
   * A text with its {placeholders} filled in. Plural forms, {"one": ..., "other": ...}, are chosen by
   * `count`. A key without a text is returned as it is; tests detect it.
   */
  function t(key, values = {}) {
    let text = texts[key] ?? key;
    if (typeof text === "object") text = text[plural.select(values.count)] ?? text.other;
    return text.replace(/\{(\w+)\}/g, (all, name) => {
      const value = values[name];
      return value === undefined ? all : typeof value === "number" ? number.format(value) : value;
    });
  }

  return { t, formatNumber: (value) => number.format(value) };
}
