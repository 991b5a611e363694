// The widgets import this as #i18n instead of ../i18n.js: their few texts, in every language.
import { translator } from "../translator.js";
import catalogues from "#catalogues";
import { language, locale } from "#here";

let made;
// The language is known once there is a widget.
const own = () => (made ??= translator(catalogues[language], language, locale));

export const t = (key, values) => own().t(key, values);
export const formatNumber = (value) => own().formatNumber(value);
