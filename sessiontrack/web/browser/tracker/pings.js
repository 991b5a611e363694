// The calls that keep a user session, with a token or with the cookies of a login.
const ACCESS_CSRF = "sessiontrack_access_csrf";
const REFRESH_CSRF = "sessiontrack_refresh_csrf";
const LONGEST_MS = 10_000;

function cookie(name) {
  const found = document.cookie.match(new RegExp(`(?:^|; )(?:__(?:Host|Secure)-)?${name}=([^;]*)`));
  return found ? decodeURIComponent(found[1]) : "";
}

/**
 * @param base where sessiontrack is, without a slash at its end.
 * @param token a token, a function that gives one (or a promise of one), or nothing: the login's cookies.
 */
export function pings(base, token) {
  const isAsked = typeof token === "function";
  // The last one given, for when there is no time to ask.
  let secret = isAsked ? "" : token;

  function post(path, body = {}, csrf = ACCESS_CSRF) {
    return fetch(base + path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        // A login by a proxy has no cookies, and wants the header with any value.
        ...(token ? { Authorization: `Bearer ${secret}` } : { "X-CSRF-TOKEN": cookie(csrf) || "proxy" }),
      },
      body: JSON.stringify(body),
      credentials: token ? "omit" : "same-origin",
      keepalive: true, // it arrives though the page is gone
      signal: AbortSignal.timeout?.(LONGEST_MS),
    });
  }

  let renewing;

  const isRunOut = () => !token && !cookie(ACCESS_CSRF) && cookie(REFRESH_CSRF);

  /** New cookies for the login, or a new token; without one there is nothing to ask the server for. */
  function renew() {
    renewing ??= (async () => {
      if (!isAsked) await post("/auth/refresh", {}, REFRESH_CSRF);
      else if (!(secret = await token())) throw { status: 401 };
    })().finally(() => (renewing = undefined));
    return renewing;
  }

  return {
    /** Make the call; throws the answer where it was refused, or an Error where there was none. */
    async tell(call, body) {
      if (isAsked || isRunOut()) await renew();
      let answer = await post(`/api/v2/${call}`, body);
      if (answer.status === 401 && (isAsked || (!token && cookie(REFRESH_CSRF)))) {
        await renew();
        answer = await post(`/api/v2/${call}`, body);
      }
      if (!answer.ok) throw answer;
    },

    /** The same, from a page that is being left: sent at once, and nobody waits for an answer. */
    tellLast(call, body) {
      if (!token || secret) post(`/api/v2/${call}`, body).catch(() => {});
    },

    /** Keep the login's cookies new, so that a page may be left at any moment. */
    async stayReady() {
      if (isRunOut()) await renew();
    },
  };
}
