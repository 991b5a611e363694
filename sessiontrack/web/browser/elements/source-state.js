/** What is to be said of a source of `/presence/sources`: "failing", "silent" or "ok". */
export const sourceState = ({ failing_since: failing, silent_since: silent }) =>
  failing ? "failing" : silent ? "silent" : "ok";
