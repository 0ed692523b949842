/** What has no whole price, the dearest first, each with a form that gives it one and re-rates what is booked. */
import { change } from "../api.js";
import { count, plural } from "../format.js";
import { html, useState } from "../vendor.js";
import { Badge, Count, Money, Notice, Panel, Skeleton, Time } from "./parts.js";

/**
 * @typedef {{provider: string|null, model: string|null, operation: string|null, request_model: string|null,
 *   unpriced_calls: number, partial_calls: number, estimated_calls: number, calls: number, tokens: number,
 *   at_risk_usd: string|null, features: string[], first_seen: string, last_seen: string, reasons: string[],
 *   suggestions: string[]}} Item
 */

const DAY_MS = 86_400_000;

/** @param {Item} item @returns {string} */
const nameOf = (item) => item.model ?? item.request_model ?? "";

/**
 * The price per million tokens, in and out, and where it is written.
 * @param {{item: Item, onDone: () => void}} props
 */
function PriceForm({ item, onDone }) {
  const [fields, setFields] = useState({ input: "", output: "", source: "" });
  const [busy, setBusy] = useState(false);
  const [confirm, setConfirm] = useState(false);
  const [error, setError] = useState(/** @type {import("../api.js").ApiError|null} */ (null));
  const set = (/** @type {string} */ name) => (/** @type {{currentTarget: HTMLInputElement}} */ { currentTarget }) =>
    setFields({ ...fields, [name]: currentTarget.value });

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    const rates = Object.fromEntries(["input", "output"].flatMap((meter) => {
      const price = fields[/** @type {"input"|"output"} */ (meter)].trim();
      return price ? [[meter, price]] : [];
    }));
    const form = { provider: item.provider, model: nameOf(item), rates, source: fields.source.trim() };
    try {
      await change("POST", `prices${confirm ? "?confirm=true" : ""}`, form);
      const from = new Date(Date.parse(item.first_seen)).toISOString();
      const to = new Date(Date.now() + DAY_MS).toISOString();
      const reason = `price added for ${item.provider} ${nameOf(item)}`;
      await change("POST", "rerates", { from, to, filter: `model:${JSON.stringify(nameOf(item))}`, reason, apply: true });
      onDone();
    } catch (thrown) {
      setError(/** @type {import("../api.js").ApiError} */ (thrown));
      setConfirm(String(thrown).includes("confirm=true"));
    }
    setBusy(false);
  }

  const field = (/** @type {"input"|"output"|"source"} */ name, /** @type {string} */ label, /** @type {string} */ hint) => html`
    <label>${label}
      <input type="text" name=${name} placeholder=${hint} value=${fields[name]} onInput=${set(name)} autocomplete="off"
        inputmode=${name === "source" ? "text" : "decimal"} required=${name === "source"} data-testid="price-${name}" />
    </label>`;
  return html`<form class="price-form" data-testid="price-form" onSubmit=${submit}>
    ${field("input", "Dollars a million tokens in", "0.25")}
    ${field("output", "Dollars a million tokens out", "2")}
    ${field("source", "Where it is written", "price page, contract, date")}
    <button type="submit" class="button" disabled=${busy} data-testid="price-submit">
      ${busy ? "Saving" : confirm ? "Take it all the same" : "Save and re-rate"}
    </button>
    ${error && html`<${Notice} what=${error.message} advice=${confirm ? "If the unit is right, take it all the same." : error.advice} />`}
  </form>`;
}

/** @param {{item: Item}} props */
function States({ item }) {
  return html`
    ${item.unpriced_calls > 0 && html`<${Badge} tone="bad" icon="stop">${count(item.unpriced_calls)} unpriced<//>${" "}`}
    ${item.partial_calls > 0 && html`<${Badge} tone="warn" icon="warning">${count(item.partial_calls)} partial<//>${" "}`}
    ${item.estimated_calls > 0 && html`<${Badge} tone="warn">${count(item.estimated_calls)} estimated<//>`}`;
}

/** @param {{item: Item, zone: string, onChanged: () => void}} props */
function Row({ item, zone, onChanged }) {
  const [open, setOpen] = useState(false);
  const done = () => {
    setOpen(false);
    onChanged();
  };
  return html`<li class="work" data-testid="unpriced-row" data-provider=${item.provider ?? ""} data-model=${nameOf(item)}>
    <div class="work-head">
      <strong>${item.provider ?? "unknown provider"} <code>${nameOf(item) || "no model"}</code></strong>
      <${States} item=${item} />
      <span class="muted" title="An estimate: its tokens at what is paid a token elsewhere">
        ${item.at_risk_usd !== null && html`about <${Money} amount=${item.at_risk_usd} /> at risk`}
      </span>
      <button type="button" class="button" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>
        ${open ? "Close" : "Give it a price"}
      </button>
    </div>
    <p class="muted small">
      ${item.reasons.join("; ")}${item.reasons.length > 0 && ". "}
      <${Count} value=${item.tokens} unit="tokens" /> tokens${item.features.length > 0 && ` of ${item.features.join(", ")}`},
      last <${Time} at=${item.last_seen} zone=${zone} />.
      ${item.suggestions.length > 0 && html`${" "}Perhaps ${item.suggestions.map((name) => html`<code key=${name}>${name}</code> `)}?`}
    </p>
    ${open && html`<${PriceForm} item=${item} onDone=${done} />`}
  </li>`;
}

/** @param {{slot: {data: {rows: Item[]}|null, error: any}, zone: string, onChanged: () => void}} props */
export function UnpricedPanel({ slot, zone, onChanged }) {
  const rows = slot.data?.rows ?? [];
  const aside = rows.length > 0 && html`<span class="muted">${plural(rows.length, "model")}</span>`;
  return html`<${Panel} title="Without a whole price" aside=${aside} slot=${slot} quiet=${false}
      skeleton=${html`<${Skeleton} rows=${3} />`} testid="unpriced-panel">
    ${rows.length > 0
      ? html`<ul class="list">${rows.map((item) => html`
          <${Row} key=${`${item.provider} ${nameOf(item)} ${item.operation}`} item=${item} zone=${zone} onChanged=${onChanged} />`)}</ul>`
      : html`<p class="nothing" data-testid="nothing-unpriced">Every call of this range has its price.</p>`}
  <//>`;
}
