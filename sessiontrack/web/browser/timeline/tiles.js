// The server's presence data in tiles, as on a map: a number of devices by a number of pixels of 2^level seconds.
// A tile begins at a multiple of its length, so panning reuses it.

export const TILE = 1024; // pixels
export const BLOCK = 50; // rows
const LAST_LEVEL = 18;
const MOST_TILES = 8; // per request: the server returns at most 8192 pixels
const MOST_REQUESTS = 3;
const MOST_KEPT = 600;
const FRESH_MS = 30_000;
const PAUSE_MS = 5000; // after a failure
const COARSER = 8; // levels to search for a substitute
const FINER = 3; // while a tile is loading

const key = (level, tile, block) => `${level}/${tile}/${block}`;
export const tileSeconds = (level) => TILE * 2 ** level;

/** The coarsest level whose pixels are not longer than this many seconds, or the finest one. */
export const levelOf = (seconds) => Math.min(LAST_LEVEL, Math.max(0, Math.floor(Math.log2(seconds))));

/**
 * @param source {rows({start, end, width, limit, offset, signal}) => {now, total, devices: [{mac, bars, ...}]}}
 * @param changed called when there is more to show. @param failed called with the error.
 */
export class Tiles {
  total = null;
  version = 0; // changes with each answer
  #source;
  #changed;
  #failed;
  #kept = new Map();
  #devices = new Map();
  #loading = new Map();
  #pausedUntil = 0;
  #heardAt = null; // the server's "now" of its latest answer
  #ahead = 0; // the server's clock minus this one's, in seconds

  constructor(source, changed, failed) {
    this.#source = source;
    this.#changed = changed;
    this.#failed = failed;
  }

  /** The server's "now". */
  get now() {
    return Date.now() / 1000 + this.#ahead;
  }

  /**
   * What is not known, as [begin, end]: ranges without any tile, and the time since the latest answer.
   *
   * @param rows [first, last].
   */
  unknown(level, from, to, [firstRow, lastRow]) {
    const length = tileSeconds(level);
    const until = Math.min(to, this.now);
    const found = [];
    for (let tile = Math.floor(from / length); tile * length < until; tile += 1) {
      const blocks = Array.from({ length: Math.floor(lastRow / BLOCK) - Math.floor(firstRow / BLOCK) + 1 }, (_, n) => n);
      const isKnown = blocks.every((n) => this.#best(level, tile, Math.floor(firstRow / BLOCK) + n).length);
      if (!isKnown) found.push([Math.max(from, tile * length), Math.min(until, (tile + 1) * length)]);
    }
    if (this.#heardAt !== null && this.#heardAt < until) found.push([Math.max(from, this.#heardAt), until]);
    return found;
  }

  /** The server's "now" of its latest answer, null before the first one. */
  get heardAt() {
    return this.#heardAt;
  }

  device(row) {
    return this.#devices.get(row);
  }

  stop() {
    for (const { controller } of new Set(this.#loading.values())) controller.abort();
    this.#loading.clear();
  }

  /** Reload everything, and show the old data meanwhile. */
  refresh() {
    this.#pausedUntil = 0;
    for (const entry of this.#kept.values()) entry.loadedAt = -Infinity;
  }

  /**
   * Load the visible tiles, and then their neighbours.
   *
   * @param rows [first, last].
   * @returns whether all visible tiles are loaded.
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
   * The data to draw for [from, to) of a block of rows: [{entry, from, to}] in order of time. Until the level's own
   * tile is loaded, a coarser or finer tile stands in.
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

  /** The ranges of tiles to request, none longer than one request. */
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

  /** Whether the tile reaches "now" and is outdated. */
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
      // Neighbours wait until all visible tiles are loaded.
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
      this.#kept.delete(name); // reinsert: the newest entries come last
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
    this.#heardAt = now;
    this.#ahead = now - Date.now() / 1000;
  }
}

/** The bars [first, after, kind] of several tiles, as a flat list of numbers for each. */
function split(bars, tiles) {
  const found = Array.from({ length: tiles }, () => []);
  for (const [first, after, kind] of bars) {
    for (let n = Math.floor(first / TILE); n * TILE < after; n += 1) {
      found[n].push(Math.max(0, first - n * TILE), Math.min(TILE, after - n * TILE), kind);
    }
  }
  return found;
}
