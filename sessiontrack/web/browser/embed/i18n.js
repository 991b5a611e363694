// The widgets import this as #i18n instead of ../i18n.js: their few texts, in both languages.
import commonEn from "../../catalogues/en/common.json";
import embedEn from "../../catalogues/en/embed.json";
import nowEn from "../../catalogues/en/now.json";
import timelineEn from "../../catalogues/en/timeline.json";
import commonFr from "../../catalogues/fr/common.json";
import embedFr from "../../catalogues/fr/embed.json";
import nowFr from "../../catalogues/fr/now.json";
import timelineFr from "../../catalogues/fr/timeline.json";
import { translator } from "../translator.js";
import { language, locale } from "#here";

const texts = {
  en: { ...commonEn, ...nowEn, ...timelineEn, ...embedEn },
  fr: { ...commonFr, ...nowFr, ...timelineFr, ...embedFr },
}[language];
export const { t, formatNumber } = translator(texts, language, locale);
