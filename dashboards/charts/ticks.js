/** Where axes carry labels and what those say. Pure. */
import { count } from "../format.js";
import { civil, clock, dayMonth } from "../time.js";

const MINUTE_STEPS = [1, 2, 5, 10, 15, 30, 60, 120];
const HOUR_STEPS = [1, 2, 3, 4, 6, 12, 24, 48];
const DAY_STEPS = [1, 2, 3, 5, 7, 10, 15];
const MONTH_STEPS = [1, 2, 3, 6, 12];
const LABEL_WIDTH = 62;

/** @typedef {{index: number, text: string, strong: boolean}} Tick   strong: a new day, or a new year */

/**
 * @param {number} fitting how many labels there is room for @param {number[]} steps @param {number} units
 * @returns {number} the smallest step that needs no more labels than fit
 */
function stepFor(fitting, steps, units) {
  return steps.find((step) => units / step <= fitting) ?? steps[steps.length - 1];
}

/**
 * @param {{start: number}[]} buckets in order @param {import("../time.js").Interval} interval
 * @param {string} zone @param {number} width of the axis in pixels
 * @returns {Tick[]}
 */
export function timeTicks(buckets, interval, zone, width) {
  const fitting = Math.max(2, Math.floor(width / LABEL_WIDTH));
  if (interval === "1m" || interval === "15m") return minuteTicks(buckets, interval === "1m" ? 1 : 15, zone, fitting);
  return interval === "1h" ? hourTicks(buckets, zone, fitting) : dayTicks(buckets, zone, fitting);
}

/**
 * @param {{start: number}[]} buckets @param {number} minutes of a bucket @param {string} zone @param {number} fitting
 * @returns {Tick[]}
 */
function minuteTicks(buckets, minutes, zone, fitting) {
  const step = stepFor(fitting, MINUTE_STEPS.filter((wanted) => wanted >= minutes), buckets.length * minutes);
  return buckets.flatMap(({ start }, index) => {
    const { hour, minute } = civil(start, zone);
    return (hour * 60 + minute) % step === 0 ? [{ index, text: clock(start, zone), strong: false }] : [];
  });
}

/** @param {{start: number}[]} buckets @param {string} zone @param {number} fitting @returns {Tick[]} */
function hourTicks(buckets, zone, fitting) {
  const step = stepFor(fitting, HOUR_STEPS, buckets.length);
  let days = -1;
  return buckets.flatMap(({ start }, index) => {
    const { hour } = civil(start, zone);
    if (hour === 0) days += 1;
    const wanted = step >= 24 ? hour === 0 && days % (step / 24) === 0 : hour % step === 0;
    if (!wanted) return [];
    return [{ index, text: hour === 0 ? dayMonth(start, zone) : clock(start, zone), strong: hour === 0 && step < 24 }];
  });
}

/** @param {{start: number}[]} buckets @param {string} zone @param {number} fitting @returns {Tick[]} */
function dayTicks(buckets, zone, fitting) {
  const dayStep = stepFor(fitting, DAY_STEPS, buckets.length);
  if (buckets.length / dayStep <= fitting) {
    // Counted back from the newest, so that the last day carries a label.
    return buckets.flatMap(({ start }, index) =>
      (buckets.length - 1 - index) % dayStep === 0 ? [{ index, text: dayMonth(start, zone), strong: false }] : []);
  }
  const step = stepFor(fitting, MONTH_STEPS, buckets.length / 30);
  return buckets.flatMap(({ start }, index) => {
    const { day, month, monthName, year } = civil(start, zone);
    if (day !== 1 || (month - 1) % step !== 0) return [];
    return [{ index, text: month === 1 ? String(year) : monthName, strong: month === 1 }];
  });
}

/** @param {number} step between two labels @returns {(value: number) => string} axis labels in dollars */
export function dollarTicks(step) {
  const decimals = step >= 1 ? 0 : Math.min(8, Math.ceil(-Math.log10(step) - 1e-9));
  return (value) => {
    if (value === 0) return "$0";
    const [whole, fraction] = value.toFixed(decimals === 1 ? 2 : decimals).split(".");
    return `$${count(whole)}${fraction ? `.${fraction}` : ""}`;
  };
}
