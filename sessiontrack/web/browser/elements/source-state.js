/** What is to be said of a source of `/presence/sources`: "archived", "failing", "silent" or "ok". */
export const sourceState = ({ archived, failing_since: failing, silent_since: silent }) =>
  archived ? "archived" : failing ? "failing" : silent ? "silent" : "ok";
