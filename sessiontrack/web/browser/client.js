// Calls the API with the session's cookies: sends the CSRF token, renews the login once, throws readable errors.
import { address, cookie, fullAddress, isProxied, language } from "#here";
import { t } from "#i18n";

const ACCESS_CSRF = "sessiontrack_access_csrf";
const REFRESH_CSRF = "sessiontrack_refresh_csrf";

/**
 * An error of a call: `message` is for users; status is 0 if the server could not be reached; `errors` has the server's
 * English texts by field.
 */
export class ApiError extends Error {
  constructor({ status, code = "", message, errors = {}, retryAfter = 0 }) {
    super(message);
    Object.assign(this, { name: "ApiError", status, code, errors, retryAfter });
  }
}

/** The JSON of a GET. Parameters that are undefined, null or "" are left out; a list is repeated. */
export const get = async (path, options) => (await call("GET", path, options)).json();

/** A list and the number of all its rows: {data, total}. */
export async function getList(path, options) {
  const response = await call("GET", path, options);
  return { data: await response.json(), total: Number(response.headers.get("X-Total-Count")) };
}

/** A write: send("PATCH", "/devices/AA:...", {name: "Printer"}). */
export const send = async (method, path, body) => (await call(method, path, { body: body ?? {} })).json();

/** Sign in; throws an ApiError with status 401 or 429 if it is refused. */
export async function signIn(username, password) {
  const init = { method: "POST", body: JSON.stringify({ username, password }) };
  await orError(await reach(fullAddress("/auth/login?cookies=1"), init));
}

export async function signOut() {
  await send("POST", "/auth/logout").catch((error) => {
    if (error.status !== 401) throw error;
  });
}

/** The answer to a successful call. */
export async function call(method, path, { params = {}, body, signal, headers = {} } = {}) {
  const url = fullAddress(path) + queryOf(params);
  const init = () => ({
    method,
    signal,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: method === "GET" ? headers : { ...headers, "X-CSRF-TOKEN": isProxied ? "proxy" : cookie(ACCESS_CSRF) },
  });
  // The cookie has expired, and its token with it: the call would be refused.
  if (!isProxied && !cookie(ACCESS_CSRF)) await renew();
  let response = await reach(url, init());
  if (response.status === 401) {
    await renew();
    response = await reach(url, init());
  }
  return orError(response);
}

export function queryOf(params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== "") query.append(name, each);
    }
  }
  return query.size ? `?${query}` : "";
}

let renewing;

/** Renew the tokens once for all waiting calls; go to the login page if the login has ended. */
function renew() {
  renewing ??= (async () => {
    const headers = { "X-CSRF-TOKEN": cookie(REFRESH_CSRF) };
    const response = cookie(REFRESH_CSRF)
      ? await reach(fullAddress("/auth/refresh"), { method: "POST", headers })
      : new Response(null, { status: 401 });
    if (response.status === 401 || response.status === 403) return toLogin();
    await orError(response);
  })().finally(() => (renewing = undefined));
  return renewing;
}

function toLogin() {
  const here = location.pathname.slice(address("").length) + location.search;
  location.assign(address(`/ui/login?next=${encodeURIComponent(here)}`));
  return new Promise(() => {}); // the page unloads
}

let isAway = false;

async function reach(url, init) {
  try {
    const response = await fetch(url, init);
    // A proxy's answer for an unreachable server; our own errors are JSON.
    const isOurs = response.headers.get("Content-Type")?.startsWith("application/json");
    if ([502, 503, 504].includes(response.status) && !isOurs) throw new TypeError(response.statusText);
    tellAway(false);
    return response;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    tellAway(true);
    throw new ApiError({ status: 0, code: "away", message: t("error.away") });
  }
}

/** Dispatches `st-away` and `st-back` on window: the shell shows the state, lists reload. */
function tellAway(away) {
  if (away === isAway) return;
  isAway = away;
  dispatchEvent(new Event(away ? "st-away" : "st-back"));
}

/** Whether the server answers again. */
export const isBack = () => reach(fullAddress("/healthz"), {}).then(() => true, () => false);

async function orError(response) {
  // 304: the caller's copy, named by its If-None-Match, is current.
  if (response.ok || response.status === 304) return response;
  const said = await response.json().catch(() => ({}));
  throw new ApiError({
    status: response.status,
    code: said.error,
    message: wordsOf(said, response.status),
    errors: said.errors,
    retryAfter: Number(response.headers.get("Retry-After")),
  });
}

/** The server speaks English, and says most; other languages have words for its codes. */
export function wordsOf({ error: code, message }, status) {
  if (message && language === "en") return message;
  const words = t(`error.code.${code}`);
  return words === `error.code.${code}` ? t("error.unknown", { status }) : words;
}
