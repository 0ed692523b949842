/**
 * Figures as people read them: sensible digits in the text, the exact figure for the hover.
 * Everything is made from the API's decimal strings; none of it depends on the browser's language.
 */
import { divide, isZero, parse, round, toFixedText, toText } from "./decimal.js";

export const UNKNOWN = "–";

/** @param {string} digits @returns {string} with thousands separated by commas */
function grouped(digits) {
  const [whole, fraction] = digits.split(".");
  const separated = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? separated : `${separated}.${fraction}`;
}

/** @param {string} fixed a plain decimal, perhaps negative @returns {string} */
function dollars(fixed) {
  return fixed.startsWith("-") ? `−$${grouped(fixed.slice(1))}` : `$${grouped(fixed)}`;
}

/**
 * @param {string} amount
 * @returns {number} decimals for three significant digits, if there are three; cents at least, millionths at most
 */
export function decimalsFor(amount) {
  const { digits, scale } = parse(toText(parse(amount)));
  const size = (digits < 0n ? -digits : digits).toString();
  const leadingPlace = size.length - scale;
  if (digits === 0n || leadingPlace > 0) return 2;
  return Math.min(6, Math.max(2, Math.min(scale, 3 - leadingPlace)));
}

/**
 * @param {string} amount in US dollars
 * @param {number} [decimals] for columns, so that the points line up; else as many as this amount needs
 * @returns {string} "$12.40"; an amount too small for its digits is "<$0.01", never "$0.00"
 */
export function money(amount, decimals = decimalsFor(amount)) {
  const fixed = toFixedText(round(parse(amount), decimals));
  if (isZero(fixed) && !isZero(amount)) return `<$${toFixedText({ digits: 1n, scale: decimals })}`;
  return dollars(fixed);
}

/** @param {string} amount @returns {string} every digit: "$0.000465", and at least cents */
export function exactMoney(amount) {
  const text = toText(parse(amount));
  const decimals = text.split(".")[1]?.length ?? 0;
  return dollars(decimals < 2 ? toFixedText(round(parse(text), 2)) : text);
}

/** @param {string} total of a column @returns {number} cents from a dollar on; below, four significant digits of it */
export function totalDecimals(total) {
  const decimals = decimalsFor(total);
  return decimals > 2 || isBelowOne(total) ? Math.min(6, decimals + 1) : 2;
}

/** @param {string} amount @returns {boolean} whether it is more than 0 and less than 1 */
function isBelowOne(amount) {
  const { digits, scale } = parse(amount);
  return digits > 0n && digits < 10n ** BigInt(scale);
}

/**
 * @param {(string|null)[]} amounts of one column
 * @returns {number} the decimals at which the smallest that is not 0 still shows two significant digits; at most 6
 */
export function columnDecimals(amounts) {
  const needed = amounts.flatMap((amount) => (amount === null || isZero(amount) ? [] : [decimalsFor(amount)]));
  const most = Math.max(2, ...needed);
  return most > 2 && most < 6 ? most - 1 : most;
}

/** @param {(string|null)[]} amounts @returns {number} decimals that show all of them whole; 2 to 6 */
export function commonDecimals(amounts) {
  const scales = amounts.map((amount) => (amount === null ? 0 : parse(amount).scale));
  return Math.min(6, Math.max(2, ...scales));
}

/** @param {string} amount @param {number} calls positive @returns {string} the mean, to 18 decimals */
export function perCall(amount, calls) {
  return divide(amount, calls, 18);
}

/** @param {number|string} value a whole number @returns {string} "1,204" */
export function count(value) {
  return grouped(String(value)).replace(/^-/, "−");
}

const COMPACT = /** @type {const} */ ([[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]);

/** @param {number} value @returns {string} as it is up to 99,999, then three digits and a unit: "1.24M" */
export function compactCount(value) {
  if (value < 100_000) return count(value);
  const [unit, letter] = COMPACT.find(([size]) => value >= size * 0.9995) ?? [1, ""];
  const share = value / unit;
  return `${share.toFixed(share >= 99.95 ? 0 : share >= 9.995 ? 1 : 2)}${letter}`;
}

/**
 * @param {string} ratio a decimal share: "0.842"
 * @returns {string} "84.2%", cut and not rounded, so that 99.96% is never shown as all of it
 */
export function usedShare(ratio) {
  const { digits, scale } = parse(ratio);
  const permille = (digits * 1000n) / 10n ** BigInt(scale);
  if (permille === 0n && digits !== 0n) return "<0.1%";
  return `${grouped(toFixedText({ digits: permille, scale: 1 }))}%`;
}

/** @param {string|number} threshold a share, as budgets have it @returns {string} "80%", "12.5%" */
export function thresholdWords(threshold) {
  const { digits, scale } = parse(threshold);
  return `${toText({ digits: digits * 100n, scale })}%`;
}

/** @param {number} part @param {number} whole positive @returns {string} "46%"; not 0% or 100% unless it is so */
export function share(part, whole) {
  const percent = (part / whole) * 100;
  if (part > 0 && percent < 1) return "<1%";
  if (part < whole && percent > 99) return ">99%";
  return `${Math.round(percent)}%`;
}

/** @param {string|null} milliseconds @returns {string} "850 ms", "1.24 s", "2 min 5 s" */
export function duration(milliseconds) {
  if (milliseconds === null) return UNKNOWN;
  const value = Number(milliseconds);
  if (value < 999.5) return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ms`;
  if (value < 9_995) return `${(value / 1000).toFixed(2)} s`;
  if (value < 59_950) return `${(value / 1000).toFixed(1)} s`;
  const seconds = Math.round(value / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** @param {number} value @param {string} one @param {string} [many] @returns {string} "1 call", "17 calls" */
export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** @param {string} name of a meter, as the API spells it @returns {string} "cache write, 5 min" */
export function meterName(name) {
  const [, base, time, unit] = /^(.*?)(?:_(\d+)(m|h))?$/.exec(name) ?? [name, name];
  const words = base.replaceAll("_", " ");
  return time ? `${words}, ${time} ${unit === "m" ? "min" : "h"}` : words;
}
