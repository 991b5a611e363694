// Imported as #i18n; for the widgets build.mjs replaces it with embed/i18n.js.
// Texts by key, in the page's language; the server lists the catalogues that the page needs.
import { language, locale } from "#here";
import { translator } from "./translator.js";

const texts = {};
const files = (document.documentElement.dataset.catalogues ?? "").split(" ").filter(Boolean);
for (const module of await Promise.all(files.map((file) => import(file)))) Object.assign(texts, module.default);

export const { t, formatNumber } = translator(texts, language, locale);
