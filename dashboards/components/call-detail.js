/** One call's cost, line by line, and where each rate comes from. */
import { compare, isZero, sum } from "../decimal.js";
import { count, duration, exactMoney, meterName } from "../format.js";
import { fullDay, utc } from "../time.js";
import { html } from "../vendor.js";
import { Notice } from "./parts.js";

/**
 * @typedef {import("../types.js").Call} Call
 * @typedef {import("../types.js").LineItem} LineItem
 */

/** @param {LineItem} item @returns {string} "× $0.25 / 1,000,000", or "× $0.01" for prices of one */
function rateWords({ unit_price_usd: price, per }) {
  if (price === null) return "no rate known";
  return Number(per) === 1 ? `× ${exactMoney(price)}` : `× ${exactMoney(price)} / ${count(per)}`;
}

/** @param {{item: LineItem}} props  reads "1,200 input × $0.25 / 1,000,000 = $0.0003" */
function Line({ item }) {
  const { meter, quantity, amount_usd: amount } = item;
  return html`<li class="sum-line" data-testid="arithmetic-line" data-meter=${meter} data-amount=${amount ?? ""}>
    <span class="num sum-quantity">${count(quantity)}</span>${" "}
    <span>${meterName(meter)}</span>${" "}
    <span class="num sum-rate">${rateWords(item)}</span>${" "}
    <span class="num sum-amount">= ${amount === null ? "unknown" : exactMoney(amount)}</span>
  </li>`;
}

/** @type {Record<string, string>} */
const TOTAL_WORDS = {
  partial: "Known part of the cost",
  estimated: "Estimated cost",
  reported: "Cost, as the provider reported it",
};

/** @param {Call} call @returns {string|null} the sum of the lines, if it is not the cost that was booked */
function otherSum({ items, cost_usd: cost, cost_state: state }) {
  if (cost === null || state === "reported" || !items || items.length === 0) return null;
  const added = sum(items.flatMap(({ amount_usd: amount }) => (amount === null ? [] : [amount])));
  return compare(added, cost) === 0 ? null : added;
}

/** @param {{call: Call}} props */
function Total({ call }) {
  const { cost_usd: cost, cost_state: state } = call;
  const other = otherSum(call);
  return html`<li class="sum-line sum-total" data-testid="arithmetic-total">
      <span class="sum-total-label">${TOTAL_WORDS[state] ?? "Cost"}</span>${" "}
      <span class="num sum-amount">${cost === null ? "unknown" : `= ${exactMoney(cost)}`}</span>
    </li>
    ${other !== null && html`<li class="sum-line">
      <${Notice} tone="warn" what="The lines add up to ${exactMoney(other)}." advice="Another cost was booked." />
    </li>`}`;
}

/** @param {{price: import("../types.js").Price}} props */
function Rates({ price }) {
  const from = price.valid_from;
  const since = from ? `valid from ${fullDay(Date.parse(from), "UTC")}` : "no start date is given";
  return html`<p>
    Rates of <b>${price.provider} / ${price.model}</b> from <b>${price.source}</b>,${" "}
    <span title=${from ?? undefined}>${since}</span>.${price.rule && ` Rule: ${price.rule}.`}
  </p>`;
}

/** @param {{call: Call}} props */
function Source({ call: { price, basis, incomplete } }) {
  const short = incomplete ? " The stream was cut short, so the figures may be too low." : "";
  return html`<div class="sum-source" data-testid="price-source">
    ${price && html`<${Rates} price=${price} />`}
    ${basis && html`<p>Usage was reported on the basis “${basis}”.${short}</p>`}
  </div>`;
}

/** @param {Call} call @returns {[label: string, value: string|null|undefined, isId: boolean][]} */
function factsOf(call) {
  const answeredBy = call.response_model !== call.request_model ? call.response_model : null;
  const label = call.correct === null || call.correct === undefined ? null : call.correct ? "correct" : "not correct";
  return [
    ["Time, UTC", utc(Date.parse(call.start_time)), false],
    ["Duration", call.duration_ms === null ? null : duration(call.duration_ms), false],
    ["First token", call.ttft_ms === null ? null : `after ${duration(call.ttft_ms)}`, false],
    ["Error", call.error_type, false],
    ["Label", label, false],
    ["Customer", call.customer, false],
    ["Provider", call.provider, false],
    ["Operation", call.operation, false],
    ["Answered by", answeredBy, false],
    ["Tokens in", call.input_tokens === null ? null : count(call.input_tokens), false],
    ["Tokens out", call.output_tokens === null ? null : count(call.output_tokens), false],
    ["User", call.user, false],
    ["Session", call.session, false],
    ["Service", call.service, false],
    ["Environment", call.environment, false],
    ["Trace", call.trace_id, true],
    ["Span", call.span_id, true],
    ["Response", call.response_id, true],
  ];
}

/** @param {{call: Call}} props  why the cost is not, or not wholly, known */
function Reason({ call: { cost_state: state, cost_reason: reason } }) {
  const title = state.replace(/^./, (letter) => letter.toUpperCase());
  const advice = state === "unpriced" ? "Its usage is kept, so it can be priced once a rate is known." : "";
  return html`<${Notice} tone="warn" testid="cost-reason" what="${title}: ${reason}." advice=${advice} />`;
}

/** @param {{usage: NonNullable<Call["usage"]>}} props */
function Usage({ usage }) {
  const parts = Object.entries(usage).map(([meter, quantity]) => `${count(quantity)} ${meterName(meter)}`);
  return html`<p class="muted small">Usage: ${parts.join(", ") || "none"}.</p>`;
}

/** @param {{call: Call}} props */
export function CallDetail({ call }) {
  const items = (call.items ?? []).filter(({ quantity }) => !isZero(quantity));
  const facts = factsOf(call).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return html`<div class="call-detail" data-testid="call-detail">
    <section aria-label="How the cost is made" data-testid="arithmetic">
      <h3>How the cost is made</h3>
      ${call.cost_reason && html`<${Reason} call=${call} />`}
      <ul class="sum">
        ${items.map((item) => html`<${Line} key=${item.meter} item=${item} />`)}
        <${Total} call=${call} />
      </ul>
      ${items.length === 0 && call.usage && html`<${Usage} usage=${call.usage} />`}
      <${Source} call=${call} />
    </section>
    <section aria-label="About the call">
      <h3>About the call</h3>
      <dl class="facts">
        ${facts.map(([label, value, isId]) => html`
          <div key=${label}><dt>${label}</dt><dd class=${isId ? "id" : ""}>${value}</dd></div>`)}
      </dl>
    </section>
  </div>`;
}
