// The calendar of a time zone: where days, months and years begin, and their names.

const BUCKET_SECONDS = 900; // no zone changes its offset within a quarter of an hour

/** @param zone an IANA name. @param locale for names of days and months. Instants are UTC epoch seconds. */
export class Calendar {
  #offsets = new Map();
  #formats = new Map();
  #texts = new Map();
  #parts;

  constructor(zone, locale) {
    Object.assign(this, { zone, locale });
    this.#parts = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
  }

  /** The offset from UTC in seconds. */
  offset(at) {
    const bucket = Math.floor(at / BUCKET_SECONDS);
    let found = this.#offsets.get(bucket);
    if (found === undefined) {
      const instant = bucket * BUCKET_SECONDS;
      const part = Object.fromEntries(
        this.#parts.formatToParts(instant * 1000).map(({ type, value }) => [type, Number(value)]),
      );
      found = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute) / 1000 - instant;
      this.#offsets.set(bucket, found);
    }
    return found;
  }

  /** A Date whose UTC fields hold the local time. */
  local(at) {
    return new Date((at + this.offset(at)) * 1000);
  }

  /** The instant of a local time; fields out of range carry over, as in Date.UTC. */
  instant(year, month, day = 1, hour = 0) {
    const local = Date.UTC(year, month, day, hour) / 1000;
    return local - this.offset(local - this.offset(local));
  }

  /** The first instant of a YYYY-MM-DD, NaN if it is invalid. */
  dayStart(text) {
    const [year, month, day] = text.split("-").map(Number);
    return this.instant(year, month - 1, day);
  }

  /** YYYY-MM-DD of an instant. */
  day(at) {
    return this.local(at).toISOString().slice(0, 10);
  }

  /** A formatted text, cached: a canvas draws the same texts sixty times a second. */
  text(at, name, options) {
    const key = `${name} ${at}`;
    let found = this.#texts.get(key);
    if (found === undefined) {
      if (this.#texts.size > 2000) this.#texts.clear();
      this.#texts.set(key, (found = this.#format(name, options).format(at * 1000)));
    }
    return found;
  }

  /** A formatted range, with the common part only once. */
  stretch(from, to, name, options) {
    return this.#format(name, options).formatRange(from * 1000, to * 1000);
  }

  /** "16 – 23 Nov 2026"; short ranges with the day of the week, and the time of day unless the days are whole. */
  range(from, to) {
    const [first, end] = [Math.round(from), Math.round(to)];
    const isShort = end - first < 3 * 86_400;
    const isWhole = [first, end].every((at) => at === this.dayStart(this.day(at)));
    const format = this.#format(`range ${isShort} ${isWhole}`, {
      day: "numeric",
      month: "short",
      year: "numeric",
      ...(isShort && { weekday: "short" }),
      ...(isShort && !isWhole && { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
    });
    return format.formatRange(first * 1000, (isWhole ? end - 1 : end) * 1000);
  }

  #format(name, options) {
    if (!this.#formats.has(name)) {
      this.#formats.set(name, new Intl.DateTimeFormat(this.locale, { timeZone: this.zone, ...options }));
    }
    return this.#formats.get(name);
  }
}
