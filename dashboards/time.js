/**
 * Civil time in a named zone, without a library: days, months and buckets as the API's `tz=` cuts them.
 * Instants are milliseconds since 1970 UTC.
 *
 * @typedef {{year: number, month: number, day: number, hour: number, minute: number, second: number,
 *   weekday: string, monthName: string}} Civil   month is 1 to 12
 */

const MINUTE = 60_000;

export const VIEWER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** @type {Map<string, Intl.DateTimeFormat>} */
const formatters = new Map();

/** @param {string} zone @returns {Intl.DateTimeFormat} */
function formatterFor(zone) {
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", weekday: "short", year: "numeric", month: "numeric", day: "numeric",
      hour: "numeric", minute: "numeric", second: "numeric",
    });
    formatters.set(zone, formatter);
  }
  return formatter;
}

/** @param {string} zone @returns {boolean} whether the browser knows a time zone of that name */
export function isZone(zone) {
  try {
    formatterFor(zone);
    return true;
  } catch {
    return false;
  }
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** @param {number} at @param {string} zone @returns {Civil} what calendar and clock show there */
export function civil(at, zone) {
  /** @type {Record<string, string>} */
  const parts = {};
  for (const { type, value } of formatterFor(zone).formatToParts(at)) parts[type] = value;
  return {
    year: Number(parts.year), month: Number(parts.month), day: Number(parts.day), hour: Number(parts.hour),
    minute: Number(parts.minute), second: Number(parts.second), weekday: parts.weekday,
    monthName: MONTHS[Number(parts.month) - 1],
  };
}

/**
 * @param {string} zone @param {number} year @param {number} month may run over @param {number} day may run over
 * @returns {number} the first instant of that day there; where a clock change skips midnight, the first after it
 */
export function dayStart(zone, year, month, day) {
  const wanted = Date.UTC(year, month - 1, day);
  let guess = wanted;
  let before = wanted;
  for (let round = 0; round < 4; round += 1) {
    const shown = civil(guess, zone);
    const error = wanted - Date.UTC(shown.year, shown.month - 1, shown.day, shown.hour, shown.minute);
    if (error === 0) return guess;
    before = guess;
    guess += error;
  }
  return Math.max(before, guess);
}

/** @param {number} at @param {string} zone @param {number} days @returns {number} midnight there, `days` days on */
export function midnight(at, zone, days = 0) {
  const { year, month, day } = civil(at, zone);
  return dayStart(zone, year, month, day + days);
}

/** @param {number} at @param {string} zone @param {number} months @returns {number} first of the month, `months` on */
export function monthStart(at, zone, months = 0) {
  const { year, month } = civil(at, zone);
  return dayStart(zone, year, month + months, 1);
}

/** @param {number} at @param {string} zone @param {number} minutes 1, 15 or 60 @returns {number} */
function floorMinutes(at, zone, minutes) {
  const { minute } = civil(at, zone);
  return Math.floor(at / MINUTE) * MINUTE - (minute % minutes) * MINUTE;
}

/** @typedef {"1m"|"15m"|"1h"|"1d"} Interval */

const MINUTES = { "1m": 1, "15m": 15, "1h": 60 };

/** @param {number} at @param {Interval} interval @param {string} zone @returns {number} start of the bucket of `at` */
export function bucketStart(at, interval, zone) {
  if (interval === "1d") return midnight(at, zone);
  return floorMinutes(at, zone, MINUTES[interval]);
}

/** @param {number} start @param {Interval} interval @param {string} zone @returns {number} start of the next bucket */
export function nextBucket(start, interval, zone) {
  if (interval === "1d") return midnight(start, zone, 1);
  const minutes = MINUTES[interval];
  // Clock changes of half an hour exist; a bucket is never empty for that.
  return Math.max(start + Math.min(minutes, 15) * MINUTE, floorMinutes(start + minutes * MINUTE, zone, minutes));
}

/** @param {number} value @returns {string} */
const two = (value) => String(value).padStart(2, "0");

/** @param {number} at @param {string} zone @returns {string} "10:32" */
export function clock(at, zone) {
  const { hour, minute } = civil(at, zone);
  return `${two(hour)}:${two(minute)}`;
}

/** @param {number} at @param {string} zone @returns {string} "10:32:05" */
export function clockSeconds(at, zone) {
  return `${clock(at, zone)}:${two(civil(at, zone).second)}`;
}

/** @param {number} at @param {string} zone @returns {string} "23 Nov" */
export function dayMonth(at, zone) {
  const { day, monthName } = civil(at, zone);
  return `${day} ${monthName}`;
}

/** @param {number} at @param {string} zone @returns {string} "Mon 23 Nov 2026" */
export function fullDay(at, zone) {
  const { weekday, year } = civil(at, zone);
  return `${weekday} ${dayMonth(at, zone)} ${year}`;
}

/** @param {number} at @param {string} zone @param {number} now @returns {string} the clock alone if it was today */
export function moment(at, zone, now) {
  if (midnight(at, zone) === midnight(now, zone)) return clockSeconds(at, zone);
  return `${dayMonth(at, zone)} ${clock(at, zone)}`;
}

/** @param {number} at @returns {string} "2026-11-23 09:32:05.123 UTC" */
export function utc(at) {
  return `${new Date(at).toISOString().replace("T", " ").replace("Z", "").replace(/\.000$/, "")} UTC`;
}

/** @param {number} at @param {string} zone @returns {string} the zone's short name there then: "GMT+1", "UTC" */
export function zoneName(at, zone) {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "short" }).formatToParts(at);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/** @param {number} milliseconds @returns {string} "6 days", "3 h", "12 min": the largest whole unit */
export function roughly(milliseconds) {
  const minutes = Math.max(1, Math.floor(milliseconds / MINUTE));
  if (minutes >= 48 * 60) return `${Math.floor(minutes / 1440)} days`;
  return minutes >= 120 ? `${Math.floor(minutes / 60)} h` : `${minutes} min`;
}
