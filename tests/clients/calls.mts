// Ten calls of a client typed by what openapi-typescript has made; run by make clients.
import createClient from "openapi-fetch";
import type { paths } from "./build/schema.js";

const [baseUrl, token] = process.argv.slice(2);
const { GET } = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const window = { start: "2025-08-01", end: "2025-08-21" };
const answers = {
  me: await GET("/auth/me"),
  devices: await GET("/devices", { params: { query: { limit: 5 } } }),
  totals: await GET("/devices/totals"),
  resources: await GET("/devices/by-status", { params: { query: { status: "all" } } }),
  sessions: await GET("/sessions/list", { params: { query: { limit: 5 } } }),
  calendar: await GET("/sessions/calendar", { params: { query: window } }),
  events: await GET("/sessions/session-events", { params: { query: { period: "7 days" } } }),
  counts: await GET("/sessions/totals", { params: { query: { period: "7 days" } } }),
  history: await GET("/presence/online-history", { params: { query: { step: "1h" } } }),
  people: await GET("/api/v2/sessions", { params: { query: { limit: 5 } } }),
};
for (const [name, { data, error }] of Object.entries(answers)) {
  if (!data) throw new Error(`${name}: ${JSON.stringify(error)}`);
  console.log("  ", name);
}
// Typed: a field that is not documented does not compile.
const names: (string | undefined)[] = answers.devices.data?.devices.map(({ name }) => name) ?? [];
console.log("  ", names.length, "devices");
