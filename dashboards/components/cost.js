/** Sums of cost together with what they leave out: "$12.40 known + 17 calls unpriced", never a silent 0. */
import { plural } from "../format.js";
import { html } from "../vendor.js";
import { Icon, Money } from "./parts.js";

/** @typedef {import("../types.js").Measures} Measures */

/** @param {Measures} measures @returns {boolean} whether cost_usd says anything: not if no call has a price */
export function isKnown({ calls, unpriced_calls }) {
  return calls === 0 || unpriced_calls < calls;
}

/** @param {Measures} measures @returns {string|null} the amount, or null where nothing of it is known */
export function knownCost(measures) {
  return isKnown(measures) ? measures.cost_usd : null;
}

/** @param {Measures} measures @returns {string[]} what the sum leaves out or only estimates, worst first */
export function reservations({ unpriced_calls, partial_calls, estimated_calls }) {
  const said = [];
  if (unpriced_calls > 0) said.push(`${plural(unpriced_calls, "call")} unpriced`);
  if (partial_calls > 0) said.push(`${plural(partial_calls, "call")} partly priced`);
  if (estimated_calls > 0) said.push(`${plural(estimated_calls, "call")} estimated`);
  return said;
}

/**
 * One line: the known amount, then what is missing from it.
 * @param {{measures: Measures}} props
 */
export function CostSentence({ measures }) {
  const said = reservations(measures);
  if (said.length === 0) return html`<span class="cost-sentence"><${Money} amount=${measures.cost_usd} /></span>`;
  const known = isKnown(measures) ? html`<${Money} amount=${measures.cost_usd} /> known + ` : "";
  return html`<span class="cost-sentence">${known}<${Reservation} measures=${measures} /></span>`;
}

/** @param {{measures: Measures}} props  the warning alone; nothing if the sum is complete */
export function Reservation({ measures }) {
  const said = reservations(measures);
  if (said.length === 0) return null;
  return html`<span class="reservation"><${Icon} name="warning" />${said.join(", ")}</span>`;
}
