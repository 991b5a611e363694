// What the server has told of presence, in tiles as of a map: so many devices, so many pixels of 2^level seconds.
// A tile begins at a multiple of its length, so it is the same one wherever it is panned to.

export const TILE = 1024; // pixels
export const BLOCK = 50; // rows
const LAST_LEVEL = 18;
const MOST_TILES = 8; // a request: the server gives at most 8192 pixels
const MOST_REQUESTS = 3;
const MOST_KEPT = 600;
const FRESH_MS = 30_000;
const PAUSE_MS = 5000; // after a failure
const COARSER = 8; // levels, and
const FINER = 3; // in which something to show meanwhile is looked for

const key = (level, tile, block) => `${level}/${tile}/${block}`;
export const tileSeconds = (level) => TILE * 2 ** level;

/** The level whose pixels are not longer than this many seconds, or the finest one. */
export const levelOf = (seconds) => Math.min(LAST_LEVEL, Math.max(0, Math.floor(Math.log2(seconds))));

/**
 * @param source {rows({start, end, width, limit, offset, signal}) => {now, total, devices: [{mac, bars, ...}]}}
 * @param changed called when there is more to show. @param failed called with what went wrong.
 */
export class Tiles {
  total = null;
  version = 0; // another one after each answer
  #source;
  #changed;
  #failed;
  #kept = new Map();
  #devices = new Map();
  #loading = new Map();
  #pausedUntil = 0;
  #ahead = 0; // of this machine's clock, in seconds

  constructor(source, changed, failed) {
    this.#source = source;
    this.#changed = changed;
    this.#failed = failed;
  }

  /** The server's "now". */
  get now() {
    return Date.now() / 1000 + this.#ahead;
  }

  device(row) {
    return this.#devices.get(row);
  }

  stop() {
    for (const { controller } of new Set(this.#loading.values())) controller.abort();
    this.#loading.clear();
  }

  /** Ask again for everything, and show what there is meanwhile. */
  refresh() {
    this.#pausedUntil = 0;
    for (const entry of this.#kept.values()) entry.loadedAt = -Infinity;
  }

  /**
   * Load what is seen, and then what is beside it.
   *
   * @param rows [first, last].
   * @returns whether all that is seen is there.
   */
  want(level, from, to, [firstRow, lastRow]) {
    const length = tileSeconds(level);
    const [first, last] = [Math.floor(from / length), Math.ceil(to / length) - 1];
    const across = last - first + 1;
    const lastBlock = this.total === null ? 0 : Math.max(0, Math.ceil(this.total / BLOCK) - 1);
    const [top, bottom] = [firstRow, lastRow].map((row) => Math.min(lastBlock, Math.floor(row / BLOCK)));
    const seen = [];
    const beside = [];
    for (let block = top; block <= bottom; block += 1) {
      seen.push(...this.#runs(level, block, first, last, true));
      beside.push(...this.#runs(level, block, last + 1, last + across));
      beside.push(...this.#runs(level, block, first - across, first - 1));
    }
    if (bottom < lastBlock) beside.push(...this.#runs(level, bottom + 1, first, last));
    if (top > 0) beside.push(...this.#runs(level, top - 1, first, last));
    this.#load(seen, beside);
    for (let block = top; block <= bottom; block += 1) {
      for (let tile = first; tile <= last; tile += 1) {
        if (!this.#kept.has(key(level, tile, block))) return false;
      }
    }
    return true;
  }

  /**
   * What there is to draw of [from, to) for a block of rows: [{entry, from, to}] in the order of time. Where the
   * level's own tile is not there yet, it is what a coarser or finer one knows.
   */
  pieces(level, from, to, block) {
    const length = tileSeconds(level);
    const found = [];
    for (let tile = Math.floor(from / length); tile * length < to; tile += 1) {
      found.push(...this.#best(level, tile, block));
    }
    return found;
  }

  #best(level, tile, block) {
    const [from, to] = [tile * tileSeconds(level), (tile + 1) * tileSeconds(level)];
    for (let up = 0; up <= COARSER; up += 1) {
      const entry = this.#kept.get(key(level + up, Math.floor(tile / 2 ** up), block));
      if (entry) return [{ entry, from, to }];
    }
    for (let down = 1; down <= FINER && down <= level; down += 1) {
      const found = [];
      for (let each = 0; each < 2 ** down; each += 1) {
        const entry = this.#kept.get(key(level - down, tile * 2 ** down + each, block));
        if (entry) found.push({ entry, from: entry.from, to: entry.to });
      }
      if (found.length) return found;
    }
    return [];
  }

  /** The stretches of tiles that are to be asked for, none longer than one request. */
  #runs(level, block, first, last, isSeen = false) {
    const found = [];
    let run;
    for (let tile = Math.max(0, first); tile <= last; tile += 1) {
      if (!this.#isWanted(this.#kept.get(key(level, tile, block)), isSeen)) run = undefined;
      else if (run && run.tiles < MOST_TILES) run.tiles += 1;
      else found.push((run = { level, block, first: tile, tiles: 1 }));
    }
    return found;
  }

  /** One that reaches to "now" grows old, if somebody looks at it. */
  #isWanted(entry, isSeen) {
    if (!entry) return true;
    const isOld = entry.loadedAt === -Infinity || entry.to > entry.now;
    return isSeen && isOld && performance.now() - entry.loadedAt > FRESH_MS;
  }

  #load(seen, beside) {
    const names = (run) => Array.from({ length: run.tiles }, (_, n) => key(run.level, run.first + n, run.block));
    const wanted = new Set([...seen, ...beside].flatMap(names));
    for (const loading of new Set(this.#loading.values())) {
      if (!loading.names.some((name) => wanted.has(name))) this.#forget(loading);
    }
    if (performance.now() < this.#pausedUntil) return;
    for (const run of [...seen, ...beside]) {
      if (new Set(this.#loading.values()).size >= MOST_REQUESTS) return;
      // What is beside waits until all that is seen is there.
      if (this.#loading.size && beside.includes(run) && [...this.#loading.values()].some((each) => each.isSeen)) return;
      if (names(run).some((name) => this.#loading.has(name))) continue;
      this.#fetch(run, names(run), seen.includes(run));
    }
  }

  #forget(loading) {
    loading.controller.abort();
    for (const name of loading.names) this.#loading.delete(name);
  }

  async #fetch(run, names, isSeen) {
    const controller = new AbortController();
    const loading = { names, controller, isSeen };
    for (const name of names) this.#loading.set(name, loading);
    const length = tileSeconds(run.level);
    try {
      const answer = await this.#source.rows({
        start: run.first * length,
        end: (run.first + run.tiles) * length,
        width: run.tiles * TILE,
        limit: BLOCK,
        offset: run.block * BLOCK,
        signal: controller.signal,
      });
      if (!controller.signal.aborted) this.#keep(run, answer);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#pausedUntil = performance.now() + PAUSE_MS;
      this.#failed(error);
      return;
    } finally {
      for (const name of names) if (this.#loading.get(name) === loading) this.#loading.delete(name);
    }
    this.#changed();
  }

  #keep({ level, block, first, tiles }, { now, total, devices }) {
    const length = tileSeconds(level);
    const entries = Array.from({ length: tiles }, (_, n) => ({
      from: (first + n) * length,
      to: (first + n + 1) * length,
      perPixel: 2 ** level,
      now,
      loadedAt: performance.now(),
      bars: new Map(),
    }));
    for (const { mac, bars } of devices) {
      split(bars, tiles).forEach((of, n) => entries[n].bars.set(mac, of));
    }
    entries.forEach((entry, n) => {
      const name = key(level, first + n, block);
      this.#kept.delete(name); // the newest are the last
      this.#kept.set(name, entry);
    });
    for (const name of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) break;
      this.#kept.delete(name);
    }
    for (let n = 0; n < BLOCK; n += 1) {
      if (devices[n]) this.#devices.set(block * BLOCK + n, devices[n]);
      else this.#devices.delete(block * BLOCK + n);
    }
    this.total = total;
    this.version += 1;
    this.#ahead = now - Date.now() / 1000;
  }
}

/** Bars [first, after, kind] of several tiles, as a flat list of numbers for each. */
function split(bars, tiles) {
  const found = Array.from({ length: tiles }, () => []);
  for (const [first, after, kind] of bars) {
    for (let n = Math.floor(first / TILE); n * TILE < after; n += 1) {
      found[n].push(Math.max(0, first - n * TILE), Math.min(TILE, after - n * TILE), kind);
    }
  }
  return found;
}
