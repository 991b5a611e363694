// Imported as #here by the widgets, in place of ../here.js: in a page of another product: its language where we have it, else its reader's.
const LANGUAGES = ["en", "fr"];
const wanted = [document.documentElement.lang, ...navigator.languages];
const known = wanted.find((each) => LANGUAGES.includes(each.split("-")[0].toLowerCase())) ?? "en";

export const language = known.split("-")[0].toLowerCase();
export const locale = wanted.find((each) => each.includes("-") && each.toLowerCase().startsWith(`${language}-`)) ?? language;
// Each answer names the site's time zone; until then.
export const timezone = "UTC";
export const address = (path) => path;
