// Imported as #here; in the widgets, build.mjs puts embed/here.js in its place.
// What the server says of this page and its reader, by the attributes of <html>.
const { dataset, lang } = document.documentElement;

/** The sub-path below which sessiontrack is served, "" for none. */
export const base = dataset.base ?? "";
export const language = lang;
/** The reader's own variety of that language, for dates and numbers: en-GB where the page is en. */
export const locale = navigator.languages.find((each) => each.split("-")[0] === lang) ?? lang;
export const timezone = dataset.timezone ?? "UTC";
export const user = dataset.user ?? "";
export const role = dataset.role ?? "";
/** Signed in by a proxy: there are no tokens, so none to renew and none to repeat. */
export const isProxied = dataset.login === "proxy";
/** The name of this page, "" where it is none of those in the navigation. */
export const page = dataset.page ?? "";
export const mayWrite = role === "operator" || role === "admin";

/** An address of this server, from one below its root: "/ui/devices". */
export const address = (path) => base + path;

/** The value of a cookie, by its name with or without the prefix that it has behind TLS. */
export function cookie(name) {
  const found = document.cookie.match(new RegExp(`(?:^|; )(?:__(?:Host|Secure)-)?${name}=([^;]*)`));
  return found === null ? "" : decodeURIComponent(found[1]);
}

/** Remember a choice of this reader's for a year. */
export function remember(name, value) {
  document.cookie = `${name}=${encodeURIComponent(value)}; path=${base || "/"}; max-age=31536000; samesite=lax`;
}
