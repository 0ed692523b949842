/** The newest calls. A row opens to the arithmetic of its cost; while one is open the list stands still. */
import { columnDecimals, count, duration, plural } from "../format.js";
import { html, useEffect, useMemo, useRef, useState } from "../vendor.js";
import { CallDetail } from "./call-detail.js";
import { Badge, Count, Icon, Money, Panel, Skeleton, Time } from "./parts.js";

/** @typedef {import("../types.js").Call} Call */

const STATES = /** @type {Record<string, {tone: "ok"|"warn"|"quiet", icon?: any}>} */ ({
  priced: { tone: "quiet" },
  reported: { tone: "quiet" },
  free: { tone: "quiet" },
  estimated: { tone: "warn", icon: "warning" },
  partial: { tone: "warn", icon: "warning" },
  unpriced: { tone: "warn", icon: "warning" },
});

/** @param {Call} call @returns {string} */
const keyOf = (call) => `${call.trace_id}/${call.span_id}`;

/** @param {{call: Call}} props */
function State({ call }) {
  const { tone, icon } = STATES[call.cost_state] ?? { tone: "warn", icon: "warning" };
  return html`${call.error_type !== null && html`<${Badge} tone="bad" icon="stop" title=${call.error_type}>error<//> `}
    <${Badge} tone=${tone} icon=${icon} title=${call.cost_reason ?? undefined}>${call.cost_state}<//>`;
}

/** @param {{value: string|null, none: string}} props */
function Named({ value, none }) {
  return value === null ? html`<span class="none">${none}</span>` : html`<span title=${value}>${value}</span>`;
}

/** @param {{id: string, open: boolean, onToggle: () => void}} props */
function Expander({ id, open, onToggle }) {
  const label = open ? "Hide the details of this call" : "Show how the cost of this call is made";
  return html`<button type="button" class="expander" aria-expanded=${open ? "true" : "false"}
    aria-controls=${open ? id : undefined} aria-label=${label} onClick=${onToggle}><${Icon} name="chevron" /></button>`;
}

/** @param {{call: Call, zone: string, decimals: number, open: boolean, fresh: boolean, onToggle: () => void}} props */
function CallRow({ call, zone, decimals, open, fresh, onToggle }) {
  const model = call.response_model ?? call.request_model;
  const id = `call-${call.trace_id}-${call.span_id}`;
  /** @param {MouseEvent} event */
  const onClick = (event) => {
    const onButton = event.target instanceof Element && event.target.closest("button") !== null;
    if (!onButton && getSelection()?.type !== "Range") onToggle();
  };
  return html`
    <tr role="row" class="call-row ${open ? "open" : ""} ${fresh ? "fresh" : ""}" onClick=${onClick}
      data-testid="call-row" data-trace=${call.trace_id} data-span=${call.span_id} data-state=${call.cost_state}>
      <td role="cell" class="call-time">
        <${Expander} id=${id} open=${open} onToggle=${onToggle} />${" "}
        <${Time} at=${call.start_time} zone=${zone} />
      </td>
      <td role="cell" class="call-feature">
        <${Named} value=${call.feature} none="no feature" />
        <span class="under wide-only">${call.customer ?? "no customer"}</span>
        <span class="under narrow-only">${model ?? "no model"}</span>
      </td>
      <td role="cell" class="wide-only">
        <${Named} value=${model} none="no model" />
        <span class="under">${call.provider ?? "no provider"}</span>
      </td>
      <td role="cell" class="wide-only roomy-only right"><${Count} value=${call.input_tokens} unit="tokens" /></td>
      <td role="cell" class="wide-only roomy-only right"><${Count} value=${call.output_tokens} unit="tokens" /></td>
      <td role="cell" class="wide-only right num">${duration(call.duration_ms)}</td>
      <td role="cell" class="right">
        <${Money} amount=${call.cost_usd} decimals=${decimals} />
        <span class="narrow-only"><${State} call=${call} /></span>
      </td>
      <td role="cell" class="call-state wide-only"><${State} call=${call} /></td>
    </tr>
    ${open && html`<tr role="row" class="detail-row" id=${id}>
      <td role="cell" colspan="8"><${CallDetail} call=${call} /></td>
    </tr>`}`;
}

/**
 * @param {Call[]} newest @param {string|null} openKey
 * @returns {{shown: Call[], waiting: number, release: () => void}} the list that stands still while a row is open,
 *   each call in its newest version, and how many newer ones wait
 */
function useHeld(newest, openKey) {
  const held = useRef(/** @type {string[]|null} */ (null));
  const known = useRef(/** @type {Map<string, Call>} */ (new Map()));
  const [, redraw] = useState(0);
  if (openKey === null) {
    held.current = null;
    known.current = new Map();
  } else {
    held.current ??= newest.map(keyOf);
    for (const call of newest) known.current.set(keyOf(call), call);
  }
  const keys = held.current;
  if (keys === null) return { shown: newest, waiting: 0, release: () => {} };
  const waiting = newest.filter((call) => !keys.includes(keyOf(call))).length;
  const release = () => {
    const open = /** @type {string} */ (openKey);
    held.current = newest.map(keyOf);
    if (!held.current.includes(open)) held.current.push(open);
    redraw((before) => before + 1);
  };
  return { shown: keys.map((key) => /** @type {Call} */ (known.current.get(key))), waiting, release };
}

/** @param {Call[]} calls @returns {Set<string>} keys that the first list did not have */
function useFresh(calls) {
  const seen = useRef(/** @type {Set<string>|null} */ (null));
  const fresh = useMemo(() => {
    const before = seen.current;
    return new Set(before === null ? [] : calls.map(keyOf).filter((key) => !before.has(key)));
  }, [calls]);
  useEffect(() => { seen.current = new Set(calls.map(keyOf)); }, [calls]);
  return fresh;
}

/** Column headings, and the classes that say at which widths they show. */
const COLUMNS = [
  ["Time", "call-time"],
  ["Feature", ""],
  ["Model, provider", "wide-only"],
  ["Tokens in", "wide-only roomy-only right"],
  ["Tokens out", "wide-only roomy-only right"],
  ["Duration", "wide-only right"],
  ["Cost", "right"],
  ["State", "wide-only"],
];

function Head() {
  return html`<thead role="rowgroup"><tr role="row">
    ${COLUMNS.map(([text, classes]) => html`
      <th key=${text} role="columnheader" scope="col" class=${classes}>
        ${text}${text === "Feature" && html`<span class="wide-only">, customer</span>`}
      </th>`)}
  </tr></thead>`;
}

/** @param {{calls: Call[], zone: string}} props */
function Calls({ calls, zone }) {
  const [openKey, setOpenKey] = useState(/** @type {string|null} */ (null));
  const fresh = useFresh(calls);
  const { shown, waiting, release } = useHeld(calls, openKey);
  const decimals = columnDecimals(shown.map((call) => call.cost_usd));
  const row = (/** @type {Call} */ call) => {
    const key = keyOf(call);
    const toggle = () => setOpenKey(key === openKey ? null : key);
    return html`<${CallRow} key=${key} call=${call} zone=${zone} decimals=${decimals}
      open=${key === openKey} fresh=${fresh.has(key)} onToggle=${toggle} />`;
  };
  return html`
    <div class="held ${waiting > 0 ? "" : "empty"}" role="status">
      ${waiting > 0 && html`<button type="button" class="button" data-testid="show-newer" onClick=${release}>
        Show ${plural(waiting, "newer call")}
      </button>`}
    </div>
    <table class="calls-table" role="table" aria-label="Latest calls" data-testid="calls-table">
      <${Head} />
      <tbody role="rowgroup">${shown.map(row)}</tbody>
    </table>`;
}

/** @param {{slots: import("../pages/overview-data.js").Slots, zone: string, quiet: boolean}} props */
export function CallsPanel({ slots: { calls }, zone, quiet }) {
  const rows = calls.data?.rows ?? [];
  const skeleton = html`<${Skeleton} rows=${10} class="table-skeleton" />`;
  const newest = `the newest ${count(rows.length)}, whatever the range`;
  const aside = rows.length > 0 && html`<span class="muted small">${newest}</span>`;
  return html`<${Panel} title="Latest calls" slot=${calls} quiet=${quiet} skeleton=${skeleton} testid="calls-panel"
      class="calls" aside=${aside}>
    ${rows.length > 0
      ? html`<${Calls} calls=${rows} zone=${zone} />`
      : html`<p class="nothing">No calls are kept any more; the sums above are.</p>`}
  <//>`;
}
