// The widgets import this as #here instead of ../here.js. They use the host page's language if we have it, else the
// reader's.
import catalogues from "#catalogues";

const wanted = [document.documentElement.lang, ...navigator.languages];
const known = wanted.find((each) => Object.hasOwn(catalogues, each.split("-")[0].toLowerCase())) ?? "en";

export const language = known.split("-")[0].toLowerCase();
export const locale = wanted.find((each) => each.includes("-") && each.toLowerCase().startsWith(`${language}-`)) ?? language;
// Until the first answer, which names the site's time zone.
export const timezone = "UTC";
export const address = (path) => path;
