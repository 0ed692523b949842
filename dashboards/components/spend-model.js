/** From the API's rows to what the chart and the table of spend draw. Pure; sums are exact. */
import { NONE_CLASS, OTHER_CLASS } from "../charts/colours.js";
import { compare, sum, toNumber } from "../decimal.js";
import { commonDecimals, money, plural } from "../format.js";
import { civil, clock, dayMonth, fullDay, zoneName } from "../time.js";
import { bucketsOf, DIMENSIONS } from "../view.js";

/**
 * @typedef {import("../types.js").SpendRow} SpendRow
 * @typedef {import("../pages/overview-data.js").Asked} Asked
 * @typedef {import("../view.js").Dimension} Dimension
 * @typedef {{key: string, value: string|null, label: string, class: string, row: SpendRow}} Group
 */

const NONE_KEY = "none:";
const OTHER_KEY = "other:";

/** @param {SpendRow} row @param {Dimension} dimension @returns {string} unique among groups; a name cannot collide */
function keyOf(row, dimension) {
  const value = row[dimension] ?? null;
  return value === null ? NONE_KEY : `is:${value}`;
}

/**
 * @param {SpendRow[]} rows one a group @param {Dimension} dimension
 * @param {(names: string[]) => Map<string, string>} classesFor
 * @returns {Group[]} dearest first, those without a value last
 */
export function groupsOf(rows, dimension, classesFor) {
  const ranked = rows.map((row) => ({ key: keyOf(row, dimension), value: row[dimension] ?? null, row }));
  ranked.sort((a, b) => Number(a.value === null) - Number(b.value === null)
    || compare(b.row.cost_usd, a.row.cost_usd) || b.row.calls - a.row.calls);
  const classes = classesFor(ranked.filter(({ value }) => value !== null).map(({ key }) => key));
  return ranked.map((group) => ({
    ...group,
    label: group.value ?? DIMENSIONS[dimension].none,
    class: group.value === null ? NONE_CLASS : classes.get(group.key) ?? OTHER_CLASS,
  }));
}

/**
 * @typedef {{label: string, class: string, key: string, rows: (SpendRow[])[]}} Layer   rows: those of each bucket
 * @typedef {{buckets: {start: number, end: number}[], layers: Layer[], asked: Asked}} Timeline   layers: bottom first
 */

/** @param {Group[]} groups @returns {Omit<Layer, "rows">[]} groups without a colour of their own share one layer */
function layersFor(groups) {
  const own = groups.filter((group) => group.class !== OTHER_CLASS);
  own.sort((a, b) => Number(a.value === null) - Number(b.value === null) || (a.class < b.class ? -1 : 1));
  const rest = groups.length - own.length;
  const layers = own.map(({ key, label, class: colour }) => ({ key, label, class: colour }));
  return rest > 0 ? [...layers, { key: OTHER_KEY, label: `${rest} others`, class: OTHER_CLASS }] : layers;
}

/**
 * @param {SpendRow[]} rows one a group and bucket @param {Group[]} groups @param {Asked} asked
 * @returns {Timeline}
 */
export function timelineOf(rows, groups, asked) {
  const times = rows.map((row) => Date.parse(/** @type {string} */ (row.time)));
  const buckets = bucketsOf(asked.window, asked.view.tz, times);
  const indexOf = new Map(buckets.map(({ start }, index) => [start, index]));
  const cells = () => buckets.map(() => /** @type {SpendRow[]} */ ([]));
  const layers = layersFor(groups).map((layer) => ({ ...layer, rows: cells() }));
  const byKey = new Map(layers.map((layer) => [layer.key, layer]));
  rows.forEach((row, position) => {
    const layer = byKey.get(keyOf(row, asked.view.group)) ?? byKey.get(OTHER_KEY);
    layer?.rows[/** @type {number} */ (indexOf.get(times[position]))].push(row);
  });
  return { buckets, layers, asked };
}

/** @param {Timeline} timeline @returns {import("../charts/stacked.js").Series[]} heights only */
export function seriesOf({ layers }) {
  const height = (/** @type {SpendRow[]} */ cell) => cell.reduce((sofar, row) => sofar + toNumber(row.cost_usd), 0);
  return layers.map(({ rows, ...layer }) => ({ ...layer, values: rows.map(height) }));
}

/** @param {Timeline} timeline @returns {boolean[]} whether a bucket holds calls whose cost is not wholly known */
export function incompleteBuckets({ buckets, layers }) {
  return buckets.map((_, index) => layers.some(({ rows }) =>
    rows[index].some((row) => row.unpriced_calls + row.partial_calls > 0)));
}

/**
 * @param {{start: number, end: number}} bucket @param {Asked} asked
 * @returns {string} "Mon 23 Nov 2026, 10:00–11:00 CET"
 */
function bucketTitle({ start, end }, { view: { tz }, window: { interval } }) {
  const day = fullDay(start, tz);
  if (interval === "1d") return day;
  const name = zoneName(start, tz);
  return `${day}, ${clock(start, tz)}–${clock(end, tz)} ${name}`;
}

/** @param {SpendRow[]} rows @returns {string|null} their exact sum; null where there are calls and no cost is known */
function costOf(rows) {
  const known = rows.length === 0 || rows.some((row) => row.unpriced_calls < row.calls);
  return known ? sum(rows.map((row) => row.cost_usd)) : null;
}

/**
 * @param {Timeline} timeline @param {number} index @param {number} now
 * @returns {import("../charts/tooltip.js").Description}
 */
export function describeBucket({ buckets, layers, asked }, index, now) {
  const bucket = buckets[index];
  const cells = layers.map((layer) => ({ ...layer, cell: layer.rows[index] })).filter(({ cell }) => cell.length > 0);
  const all = cells.flatMap(({ cell }) => cell);
  /** @param {"calls"|"unpriced_calls"|"partial_calls"} name */
  const total = (name) => all.reduce((sofar, row) => sofar + row[name], 0);
  const notes = [all.length === 0 ? "No calls" : plural(total("calls"), "call")];
  if (total("unpriced_calls") > 0) notes.push(`${plural(total("unpriced_calls"), "call")} unpriced, cost unknown`);
  if (total("partial_calls") > 0) notes.push(`${plural(total("partial_calls"), "call")} partly priced`);
  if (bucket.end > now) notes.push("Still running");
  const costs = [all, ...cells.map(({ cell }) => cell)].map(costOf);
  const decimals = commonDecimals(costs);
  const words = costs.map((cost) => (cost === null ? "unknown" : money(cost, decimals)));
  return {
    title: bucketTitle(bucket, asked),
    total: words[0],
    lines: cells.map(({ label, class: colour }, at) => ({ label, class: colour, value: words[at + 1] })).reverse(),
    notes,
  };
}

/** @param {Asked} asked @param {{start: number}[]} buckets @returns {string} "since 22 Nov 10:00, by hour" */
export function windowWords({ view: { tz }, window: { from, interval, openStart } }, buckets) {
  const start = openStart ? buckets[0]?.start ?? from : from;
  const by = { "1m": "minute", "15m": "quarter-hour", "1h": "hour", "1d": "day" }[interval];
  const year = civil(start, tz).year;
  const day = year === civil(Date.now(), tz).year ? dayMonth(start, tz) : `${dayMonth(start, tz)} ${year}`;
  const since = interval === "1d" ? day : `${day} ${clock(start, tz)}`;
  return `since ${since}, by ${by}`;
}
