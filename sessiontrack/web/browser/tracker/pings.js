// The calls of the user dialect, with a token or with a login's cookies.
const ACCESS_CSRF = "sessiontrack_access_csrf";
const REFRESH_CSRF = "sessiontrack_refresh_csrf";
const LONGEST_MS = 10_000;

function cookie(name) {
  const found = document.cookie.match(new RegExp(`(?:^|; )(?:__(?:Host|Secure)-)?${name}=([^;]*)`));
  return found ? decodeURIComponent(found[1]) : "";
}

/**
 * @param base the address of sessiontrack, without a trailing slash.
 * @param token a token, a function that returns one (or a promise of one), or nothing to use the login's cookies.
 */
export function pings(base, token) {
  const isAsked = typeof token === "function";
  // The last token, for calls that cannot wait for a new one.
  let secret = isAsked ? "" : token;

  function post(path, body = {}, csrf = ACCESS_CSRF) {
    return fetch(base + path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        // A login by proxy has no cookies, but needs the header with any value.
        ...(token ? { Authorization: `Bearer ${secret}` } : { "X-CSRF-TOKEN": cookie(csrf) || "proxy" }),
      },
      body: JSON.stringify(body),
      credentials: token ? "omit" : "same-origin",
      keepalive: true, // completes even after the page has unloaded
      signal: AbortSignal.timeout?.(LONGEST_MS),
    });
  }

  let renewing;

  const isRunOut = () => !token && !cookie(ACCESS_CSRF) && cookie(REFRESH_CSRF);

  /** Renew the cookies, or get a new token; without a token the server cannot be called. */
  function renew() {
    renewing ??= (async () => {
      if (!isAsked) await post("/auth/refresh", {}, REFRESH_CSRF);
      else if (!(secret = await token())) throw { status: 401 };
    })().finally(() => (renewing = undefined));
    return renewing;
  }

  return {
    /** Make the call; throws the answer if it is refused, or an Error if there is none. */
    async tell(call, body) {
      if (isAsked || isRunOut()) await renew();
      let answer = await post(`/api/v2/${call}`, body);
      if (answer.status === 401 && (isAsked || (!token && cookie(REFRESH_CSRF)))) {
        await renew();
        answer = await post(`/api/v2/${call}`, body);
      }
      if (!answer.ok) throw answer;
    },

    /** The same from a page that unloads: sent at once, without waiting for the answer. */
    tellLast(call, body) {
      if (!token || secret) post(`/api/v2/${call}`, body).catch(() => {});
    },

    /** Keep the cookies fresh, so that the page can unload at any moment. */
    async stayReady() {
      if (isRunOut()) await renew();
    },
  };
}
