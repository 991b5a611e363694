// The API as the timeline's source.
import { call } from "../client.js";
import { address } from "#here";
import { isUnrecorded } from "../time.js";

/** @param filters of the devices: {search, status, sort}. */
export const apiSource = (filters) => ({
  async rows({ start, end, width, limit, offset, signal }) {
    const params = { ...filters, start: iso(start), end: iso(end), width, limit, offset };
    const response = await call("GET", "/presence/timeline", { params, signal });
    return { ...(await response.json()), total: Number(response.headers.get("X-Total-Count")) };
  },

  async sessions({ mac, start, end, limit }) {
    const params = { mac, start: iso(start), end: iso(end), limit, status: filters.status };
    const response = await call("GET", "/presence/sessions", { params });
    return { ...(await response.json()), total: Number(response.headers.get("X-Total-Count")) };
  },

  /** How many were there at an instant: {devices, people}; null if nothing was recorded yet. */
  async count({ at, signal }) {
    const response = await call("GET", "/presence/at", { params: { at: iso(at), limit: 1 }, signal });
    const { people_total: people, ...found } = await response.json();
    const devices = Number(response.headers.get("X-Total-Count"));
    return devices || people || !isUnrecorded(found) ? { devices, people } : null;
  },

  href: (mac) => address(`/ui/devices/${mac}`),
});

/** Epoch seconds in the API's format. */
export const iso = (at) => `${new Date(Math.floor(at) * 1000).toISOString().slice(0, 19)}Z`;
