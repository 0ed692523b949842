/**
 * What the overview reads, and how often. Three cheap questions are asked every round; the rest only when one of
 * those answers has changed, when the range has moved on by a bucket, after an error, and every half minute.
 */
import { ApiError, read } from "../api.js";
import { BUDGETS_SHOWN } from "../components/budgets.js";
import { poll } from "../live.js";
import { midnight, monthStart } from "../time.js";
import { useEffect, useState } from "../vendor.js";
import { windowOf } from "../view.js";

/**
 * @typedef {import("../view.js").View} View
 * @typedef {import("../view.js").Window} Window
 * @typedef {{view: View, window: Window}} Asked   what an answer is the answer to
 */

/**
 * @template T
 * @typedef {{data: T|null, error: ApiError|null, asked: Asked|null}} Slot
 */

/**
 * @typedef {object} Slots
 * @property {Slot<import("../types.js").Spend>} spend      by group over the range
 * @property {Slot<import("../types.js").Spend>} series     by group and bucket over the range
 * @property {Slot<import("../types.js").Spend>} today
 * @property {Slot<import("../types.js").Spend>} month
 * @property {Slot<import("../types.js").Forecast>} forecast
 * @property {Slot<import("../types.js").Page<import("../types.js").Budget>>} budgets
 * @property {Slot<Map<string, import("../types.js").Standing[]>>} standings   by budget id
 * @property {Slot<import("../types.js").Page<import("../types.js").Alert>>} alerts
 * @property {Slot<import("../types.js").Page<import("../types.js").Call>>} calls
 *
 * @typedef {object} Overview
 * @property {Slots} slots
 * @property {import("../live.js").LiveState} live
 * @property {number} retryMs          until the next try
 * @property {ApiError|null} failure   why nothing could be read in the last round; null if something could
 * @property {number|null} answeredAt  when the collector last gave figures, while it gives none
 */

export const CALLS_SHOWN = 20;
const ALERTS_SHOWN = 6;
const ROUNDS_BETWEEN_FULL = 15;

const NAMES = /** @type {(keyof Slots)[]} */ (
  ["spend", "series", "today", "month", "forecast", "budgets", "standings", "alerts", "calls"]
);

/** @returns {Overview} */
function nothingYet() {
  const slots = Object.fromEntries(NAMES.map((name) => [name, { data: null, error: null, asked: null }]));
  return { slots: /** @type {any} */ (slots), live: "starting", retryMs: 0, failure: null, answeredAt: null };
}

/** @param {number} at @returns {string} */
const iso = (at) => new Date(at).toISOString().replace(".000Z", "Z");

/**
 * @typedef {[name: keyof Slots, path: string, parameters: Record<string, string|number|undefined>]} Question
 *
 * @param {Asked} asked @param {number} now
 * @returns {{cheap: Question[], rest: Question[]}}
 */
function questions({ view, window }, now) {
  const { tz } = view;
  const range = { from: iso(window.from), to: iso(window.to), tz, group_by: view.group };
  const tomorrow = iso(midnight(now, tz, 1));
  return {
    cheap: [
      ["spend", "spend", range],
      ["calls", "calls", { limit: CALLS_SHOWN }],
      ["alerts", "alerts", { limit: ALERTS_SHOWN }],
    ],
    rest: [
      ["series", "spend", { ...range, interval: window.interval }],
      ["today", "spend", { from: iso(midnight(now, tz)), to: tomorrow, tz }],
      ["month", "spend", { from: iso(monthStart(now, tz)), to: iso(monthStart(now, tz, 1)), tz }],
      ["forecast", "forecast", { period: "month", tz }],
      ["budgets", "budgets", {}],
    ],
  };
}

/**
 * @typedef {{data?: unknown, error: ApiError|null}} Answer
 * @typedef {(name: keyof Slots, answer: Answer, asked: Asked) => void} Put
 */

/** Asks for one view, round after round, and puts what has changed. */
class Reader {
  /** @param {View} view @param {Put} put */
  constructor(view, put) {
    this.view = view;
    this.put = put;
    this.rounds = 0;
    this.restBefore = "";
    /** @type {Map<keyof Slots, unknown>} */
    this.last = new Map();
    /** @type {Map<keyof Slots, ApiError>} those that failed when last asked */
    this.failed = new Map();
    /** @type {Map<string, import("../types.js").Standing[]>} */
    this.standings = new Map();
  }

  /** @param {AbortSignal} signal @returns {Promise<ApiError|null>} the error if no question was answered */
  async round(signal) {
    const now = Date.now();
    const asked = { view: this.view, window: windowOf(this.view, now) };
    const { cheap, rest } = questions(asked, now);
    const restNow = JSON.stringify(rest);
    const due = this.rounds % ROUNDS_BETWEEN_FULL === 0 || restNow !== this.restBefore || this.failed.size > 0;
    const fillAll = (/** @type {Question[]} */ list) => this.#fillAll(list, asked, signal);
    const [changed] = await Promise.all([fillAll(cheap), due && fillAll(rest)]);
    if (changed && !due) await fillAll(rest);
    const standings = (changed || due) && this.last.has("budgets");
    if (standings) await this.#fill("standings", () => this.#readStandings(signal), asked);
    this.rounds += 1;
    this.restBefore = restNow;
    const [failure] = this.failed.values();
    return [...cheap, ...rest].every(([name]) => this.failed.has(name)) ? failure : null;
  }

  /**
   * @param {Question[]} list @param {Asked} asked @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether any answer is another than before
   */
  async #fillAll(list, asked, signal) {
    const changes = await Promise.all(list.map(([name, path, parameters]) =>
      this.#fill(name, () => read(path, parameters, signal), asked)));
    return changes.includes(true);
  }

  /**
   * @param {keyof Slots} name @param {() => Promise<unknown>} get @param {Asked} asked
   * @returns {Promise<boolean>} whether the answer is another than before
   */
  async #fill(name, get, asked) {
    try {
      const data = await get();
      const changed = this.last.get(name) !== data;
      if (changed || this.failed.delete(name)) this.put(name, { data, error: null }, asked);
      this.last.set(name, data);
      this.failed.delete(name);
      return changed;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failed.set(name, error);
      this.put(name, { error }, asked);
      return false;
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<unknown>} the same map as before if no standing has changed */
  async #readStandings(signal) {
    const { rows } = /** @type {import("../types.js").Page<import("../types.js").Budget>} */ (this.last.get("budgets"));
    const reads = rows.slice(0, BUDGETS_SHOWN).map(async ({ id }) => {
      const path = `budgets/${encodeURIComponent(id)}/standings`;
      const answer = await /** @type {Promise<{rows: import("../types.js").Standing[]}>} */ (read(path, {}, signal));
      return /** @type {const} */ ([String(id), answer.rows]);
    });
    const next = new Map(await Promise.all(reads));
    const same = next.size === this.standings.size && [...next].every(([id, list]) => this.standings.get(id) === list);
    if (!same) this.standings = next;
    return this.standings;
  }
}

/**
 * The overview's data, kept up to date while the page is visible. When the view changes, the old answers stay
 * (each says what it was asked for) until the new ones are there.
 *
 * @param {View} view the same object for as long as it says the same
 * @returns {Overview}
 */
export function useOverview(view) {
  const [overview, setOverview] = useState(nothingYet);

  useEffect(() => {
    let answeredAt = /** @type {number|null} */ (null);
    let failure = /** @type {ApiError|null} */ (null);
    const reader = new Reader(view, (name, answer, asked) => setOverview((before) => {
      const slot = "data" in answer ? { ...answer, asked } : { ...before.slots[name], error: answer.error };
      return { ...before, slots: { ...before.slots, [name]: slot } };
    }));

    /** @param {AbortSignal} signal */
    async function ask(signal) {
      failure = await reader.round(signal);
      if (failure === null) answeredAt = Date.now();
      return failure === null;
    }

    return poll(ask, (live, retryMs) => setOverview((before) => {
      if (before.live === live && before.retryMs === retryMs && before.failure === failure) return before;
      const since = live === "interrupted" ? answeredAt ?? before.answeredAt : null;
      return { ...before, live, retryMs, failure, answeredAt: since };
    }));
  }, [view]);

  return overview;
}
