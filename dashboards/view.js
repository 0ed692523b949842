/**
 * What a page shows, as its URL says it: time range, time zone, grouping. Reading checks and fills in;
 * writing spells everything out, so that a colleague who opens the link sees the same.
 */
import { bucketStart, isZone, midnight, monthStart, nextBucket, VIEWER_ZONE } from "./time.js";

/**
 * @typedef {import("./time.js").Interval} Interval
 * @typedef {"1h"|"24h"|"7d"|"30d"|"month"|"all"} RangeName
 * @typedef {"feature"|"customer"|"model"} Dimension
 * @typedef {{range: RangeName, tz: string, group: Dimension}} View
 * @typedef {{from: number, to: number, interval: Interval, openStart: boolean}} Window
 *   openStart: begins before the first call, so a chart may begin at its first bucket
 */

/** @type {Record<RangeName, {label: string, name: string, interval: Interval}>} */
export const RANGES = {
  "1h": { label: "1 h", name: "Last hour", interval: "1m" },
  "24h": { label: "24 h", name: "Last 24 hours", interval: "1h" },
  "7d": { label: "7 d", name: "Last 7 days", interval: "1h" },
  "30d": { label: "30 d", name: "Last 30 days", interval: "1d" },
  month: { label: "Month", name: "This month", interval: "1d" },
  all: { label: "All", name: "All time", interval: "1d" },
};

/** @type {Record<Dimension, {label: string, none: string}>} */
export const DIMENSIONS = {
  feature: { label: "Feature", none: "no feature" },
  customer: { label: "Customer", none: "no customer" },
  model: { label: "Model", none: "no model" },
};

/** Before the first API that bills by token. */
const BEGINNING = Date.UTC(2020, 0, 1);
const HOUR = 3_600_000;

/**
 * @template {string} K
 * @param {string|null} value @param {Record<K, unknown>} allowed @param {K} fallback
 * @returns {K}
 */
function oneOf(value, allowed, fallback) {
  return value !== null && Object.hasOwn(allowed, value) ? /** @type {K} */ (value) : fallback;
}

/** @param {URLSearchParams} query @returns {View} what is missing or unknown takes its default */
export function readView(query) {
  const tz = query.get("tz");
  return {
    range: oneOf(query.get("range"), RANGES, "24h"),
    tz: tz !== null && tz !== "" && isZone(tz) ? tz : VIEWER_ZONE,
    group: oneOf(query.get("group"), DIMENSIONS, "feature"),
  };
}

/** @param {View} view @param {URLSearchParams} before other parameters in it are kept @returns {URLSearchParams} */
export function writeView(view, before) {
  const query = new URLSearchParams(before);
  for (const [name, value] of Object.entries(view)) query.set(name, value);
  return query;
}

/**
 * The range in whole buckets of the zone, the current one included, so that it covers at least what its name says
 * and its URL stays the same until the bucket ends.
 *
 * @param {View} view @param {number} now
 * @returns {Window}
 */
export function windowOf({ range, tz }, now) {
  const { interval } = RANGES[range];
  const start = bucketStart(now, interval, tz);
  const to = nextBucket(start, interval, tz);
  const from = {
    "1h": () => start - HOUR,
    "24h": () => start - 24 * HOUR,
    "7d": () => start - 7 * 24 * HOUR,
    "30d": () => midnight(now, tz, -30),
    month: () => monthStart(now, tz),
    all: () => BEGINNING,
  }[range]();
  return { from, to, interval, openStart: range === "all" };
}

/**
 * @param {Window} window @param {string} zone @param {number[]} present bucket starts that the API returned
 * @returns {{start: number, end: number}[]} every bucket of the window, in order, those without calls included
 */
export function bucketsOf({ from, to, interval, openStart }, zone, present) {
  const first = openStart ? Math.min(...present, bucketStart(to - 1, interval, zone)) : from;
  const starts = new Set(present);
  let start = bucketStart(first, interval, zone);
  for (let made = 0; start < to && made < 5_000; made += 1) {
    starts.add(start);
    start = nextBucket(start, interval, zone);
  }
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((at, index) => ({ start: at, end: sorted[index + 1] ?? nextBucket(at, interval, zone) }));
}
