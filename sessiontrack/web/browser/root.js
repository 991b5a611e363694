// The addresses that scripts ask. One that is relative takes the user and password of a page opened as
// http://user:password@host/ along, and `fetch` refuses such an address.

/** An address without user, password, query, fragment and last slash; a relative one is this page's host's. */
export function rootOf(given) {
  const { origin, pathname } = new URL(given || "/", document.baseURI);
  return origin + pathname.replace(/\/+$/, "");
}
