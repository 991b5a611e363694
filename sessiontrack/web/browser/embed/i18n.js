// The widgets import this as #i18n instead of ../i18n.js: their few texts, in every language.
import { translator } from "../translator.js";
import catalogues from "#catalogues";
import { language, locale } from "#here";

export const { t, formatNumber } = translator(catalogues[language], language, locale);
