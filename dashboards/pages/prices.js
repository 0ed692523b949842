/**
 * The second page: what has no price and how to give it one, re-ratings, and bills beside the books.
 *
 * For tests, these `data-testid` values are stable:
 *   unpriced-panel: unpriced-row [data-provider] [data-model]   price-form   price-input   price-output   price-source
 *     price-confirm   price-submit   nothing-unpriced
 *   rerates-panel: rerate-row [data-rerate] [data-state]   rerate-apply   rerate-undo   no-rerates
 *   bills-panel: bill-row [data-day] [data-model]   bill-totals   no-bills
 *   differences-panel: difference-row   no-differences
 */
import { read } from "../api.js";
import { BillsPanel } from "../components/bills.js";
import { DifferencesPanel } from "../components/differences.js";
import { RerateList } from "../components/rerates.js";
import { UnpricedPanel } from "../components/unpriced.js";
import { poll } from "../live.js";
import { html, useEffect, useMemo, useRef, useState } from "../vendor.js";
import { windowOf } from "../view.js";

/**
 * @template T
 * @typedef {{data: T|null, error: import("../api.js").ApiError|null}} Slot
 */

const ASKED = /** @type {const} */ (["unpriced", "rerates", "bills", "differences"]);

/** @param {import("../view.js").View} view @returns {Record<string, [string, Record<string, string>]>} */
function questions(view) {
  const { from, to } = windowOf(view, Date.now());
  const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  const days = { from: range.from.slice(0, 10), to: range.to.slice(0, 10), tz: view.tz };
  return {
    unpriced: ["prices/unpriced", range],
    rerates: ["rerates", { limit: "20" }],
    bills: ["reconciliation", days],
    differences: ["prices/differences", range],
  };
}

/**
 * @param {{route: import("../router.js").Route, view: import("../view.js").View,
 *   onLive: (state: import("../live.js").LiveState) => void}} props
 */
export function Page({ view, onLive }) {
  const [slots, setSlots] = useState(/** @type {Record<string, Slot<any>>} */ ({}));
  const again = useRef(() => {});
  useEffect(() => {
    /** @param {AbortSignal} signal */
    async function ask(signal) {
      const asked = questions(view);
      const answers = await Promise.all(ASKED.map((name) => read(...asked[name], signal).then(
        (data) => ({ data, error: null }),
        (error) => ({ data: null, error }),
      )));
      if (signal.aborted) return false;
      setSlots((before) => Object.fromEntries(ASKED.map((name, index) => {
        const { data, error } = answers[index];
        return [name, { data: data ?? before[name]?.data ?? null, error }];
      })));
      return answers.some(({ error }) => error === null);
    }
    const stop = poll(ask, onLive);
    again.current = () => void ask(AbortSignal.timeout(10_000));
    return stop;
  }, [view]);
  const empty = useMemo(() => ({ data: null, error: null }), []);
  const shared = { zone: view.tz, onChanged: () => again.current() };
  return html`<main class="page prices-page">
    <h1>Prices</h1>
    <${UnpricedPanel} slot=${slots.unpriced ?? empty} ...${shared} />
    <${RerateList} slot=${slots.rerates ?? empty} ...${shared} />
    <${BillsPanel} slot=${slots.bills ?? empty} ...${shared} />
    <${DifferencesPanel} slot=${slots.differences ?? empty} ...${shared} />
  </main>`;
}
