// Imported as #here; for the widgets build.mjs replaces it with embed/here.js.
// The server's information about this page and its reader, from the attributes of <html>.
const { dataset, lang } = document.documentElement;

/** The path below which sessiontrack is served, "" for the root. */
export const base = dataset.base ?? "";
export const language = lang;
/** The reader's variant of the language, for dates and numbers: en-GB on a page in en. */
export const locale = navigator.languages.find((each) => each.split("-")[0] === lang) ?? lang;
export const timezone = dataset.timezone ?? "UTC";
export const user = dataset.user ?? "";
export const role = dataset.role ?? "";
/** Whether a proxy signs the reader in: then there are no tokens to renew or repeat. */
export const isProxied = dataset.login === "proxy";
/** The name of this page, "" if it is not one of PAGES. */
export const page = dataset.page ?? "";
/** How the command is called on the server's host. */
export const command = dataset.command ?? "sessiontrack";
export const mayWrite = role === "operator" || role === "admin";

/** The address on this server of a path below its root, such as "/ui/devices". */
export const address = (path) => base + path;

/** The same with the host, for `fetch` and for people: without the user and password of http://user:password@host/. */
export const fullAddress = (path) => location.origin + address(path);

/** The value of a cookie, with or without the name prefix that it has over TLS. */
export function cookie(name) {
  const found = document.cookie.match(new RegExp(`(?:^|; )(?:__(?:Host|Secure)-)?${name}=([^;]*)`));
  return found === null ? "" : decodeURIComponent(found[1]);
}

/** Store a choice of the reader for a year. */
export function remember(name, value) {
  document.cookie = `${name}=${encodeURIComponent(value)}; path=${base || "/"}; max-age=31536000; samesite=lax`;
}
