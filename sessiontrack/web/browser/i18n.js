// Imported as #i18n; in the widgets, build.mjs puts embed/i18n.js in its place.
// Texts by key, in the page's language; the server names the catalogues that the page needs.
import { language, locale } from "#here";
import { translator } from "./translator.js";

const texts = {};
const files = (document.documentElement.dataset.catalogues ?? "").split(" ").filter(Boolean);
for (const module of await Promise.all(files.map((file) => import(file)))) Object.assign(texts, module.default);

export const { t, formatNumber } = translator(texts, language, locale);
