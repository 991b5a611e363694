// The widgets import this as #here instead of ../here.js. All widgets of a page are in one language: of the first
// one's own or nearest `lang`, if we have it, else the reader's.
import catalogues from "#catalogues";

export let language;
export let locale;

/** Have the language of this element; the first one counts. */
export function speakAs(element) {
  if (language) return;
  const wanted = [element.closest("[lang]")?.lang, document.documentElement.lang, ...navigator.languages].filter(Boolean);
  const known = wanted.find((each) => Object.hasOwn(catalogues, each.split("-")[0].toLowerCase())) ?? "en";
  language = known.split("-")[0].toLowerCase();
  locale = wanted.find((each) => each.includes("-") && each.toLowerCase().startsWith(`${language}-`)) ?? language;
}

// Until the first answer, which names the site's time zone.
export const timezone = "UTC";
export const address = (path) => path;
