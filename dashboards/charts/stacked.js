/**
 * Bars over time, stacked by series: one SVG path a series, a cursor that follows pointer and arrow keys, and a card
 * with the exact figures. Heights come from floats; every figure in words comes from `describe`.
 */
import { d3, html, useMemo, useState } from "../vendor.js";
import { useWidth } from "./size.js";
import { dollarTicks, timeTicks } from "./ticks.js";
import { spoken, Tooltip } from "./tooltip.js";

/**
 * @typedef {{key: string, label: string, class: string, values: number[]}} Series   one value a bucket, 0 or more
 *
 * @typedef {object} StackedProps
 * @property {string} label               what the chart shows, for a screen reader
 * @property {{start: number, end: number}[]} buckets  in order
 * @property {import("../time.js").Interval} interval
 * @property {string} zone
 * @property {Series[]} series            bottom first
 * @property {boolean[]} marked           buckets whose cost is not wholly known
 * @property {(index: number) => import("./tooltip.js").Description} describe
 * @property {string|null} highlighted    key of the one series to bring out
 */

const HEIGHT = 264;
const TOP = 10;
const BOTTOM = 30;
const RIGHT = 4;
const WIDEST_BAR = 44;

/** @param {number} top @returns {number} room for the labels "$1,000" or "$0.0005" */
function leftFor(top) {
  return top > 0 && (top < 0.01 || top >= 1000) ? 62 : 48;
}

/**
 * @param {StackedProps["buckets"]} buckets @param {Series[]} series @param {number} width
 */
function layOut(buckets, series, width) {
  const stacks = d3.stack().keys(series.map((_, index) => index))
    .value((bucket, index) => Math.max(0, series[index].values[bucket]))(buckets.map((_, index) => index));
  const top = d3.max((stacks[stacks.length - 1] ?? []).map(([, high]) => high)) ?? 0;
  const left = leftFor(top);
  const x = d3.scaleBand().domain(buckets.map((_, index) => index)).range([left, width - RIGHT]);
  const y = d3.scaleLinear().domain([0, top || 1]).nice(4).range([HEIGHT - BOTTOM, TOP]);
  const gap = x.step() >= 8 ? Math.min(4, x.step() * 0.18) : x.step() >= 3 ? 1 : 0;
  const bar = Math.min(WIDEST_BAR, Math.max(1, x.step() - gap));
  return { stacks, top, left, x, y, bar };
}

/** @typedef {ReturnType<typeof layOut>} Layout */

/** @param {Layout} layout @param {number} index of a bucket @returns {number} */
function middleOf({ x }, index) {
  return /** @type {number} */ (x(index)) + x.step() / 2;
}

/** @param {Layout} layout @param {number} index @returns {string} all bars of one series */
function barsOf({ stacks, x, y, bar }, index) {
  return stacks[index].flatMap(([low, high], bucket) => {
    if (high <= low) return [];
    const start = Math.round(/** @type {number} */ (x(bucket)) + (x.step() - bar) / 2);
    const end = Math.max(start + 1, Math.round(/** @type {number} */ (x(bucket)) + (x.step() + bar) / 2));
    return [`M${start} ${y(low).toFixed(2)}H${end}V${y(high).toFixed(2)}H${start}Z`];
  }).join("");
}

/** @param {{layout: Layout, width: number}} props */
function CostAxis({ layout: { y, left, top }, width }) {
  const ticks = top > 0 ? y.ticks(4) : [0];
  const text = dollarTicks(ticks.length > 1 ? ticks[1] - ticks[0] : 1);
  const line = (/** @type {number} */ tick) => {
    const at = Math.round(y(tick)) + 0.5;
    return html`<g key=${tick}>
      <line class=${tick === 0 ? "baseline" : "gridline"} x1=${left} x2=${width - RIGHT} y1=${at} y2=${at} />
      <text x=${left - 8} y=${y(tick)} dy="0.32em" text-anchor="end">${text(tick)}</text>
    </g>`;
  };
  return html`<g class="axis" aria-hidden="true">${ticks.map(line)}</g>`;
}

/** @param {{layout: Layout, width: number} & Pick<StackedProps, "buckets"|"interval"|"zone">} props */
function TimeAxis({ layout, width, buckets, interval, zone }) {
  const { left } = layout;
  const ticks = timeTicks(buckets, interval, zone, width - left);
  return html`<g class="axis" aria-hidden="true">${ticks.map(({ index, text, strong }) => {
    const at = middleOf(layout, index);
    const anchor = at > width - 24 ? "end" : at < left + 18 ? "start" : "middle";
    const edge = anchor === "end" ? width : anchor === "start" ? left : at;
    return html`<text key=${index} class=${strong ? "strong" : ""} x=${edge} y=${HEIGHT - 8}
      text-anchor=${anchor}>${text}</text>`;
  })}</g>`;
}

/** @param {{layout: Layout, index: number}} props  the band behind the bucket that the card speaks of */
function Cursor({ layout: { x }, index }) {
  return html`<rect class="cursor" x=${x(index)} width=${Math.max(2, x.step())}
    y=${TOP - 6} height=${HEIGHT - BOTTOM - TOP + 6} />`;
}

/** @param {{layout: Layout, series: Series[], highlighted: string|null}} props */
function Bars({ layout, series, highlighted }) {
  const dimmed = (/** @type {string} */ key) => (highlighted !== null && highlighted !== key ? "dimmed" : "");
  return html`<g class=${layout.x.step() >= 6 ? "bars parted" : "bars"}>
    ${series.map(({ key, class: colour }, index) => html`
      <path key=${key} class="${colour} ${dimmed(key)}" d=${barsOf(layout, index)} />`)}
  </g>`;
}

/** @param {{layout: Layout, marked: boolean[]}} props  a dash under each bucket with unknown cost */
function Marks({ layout, marked }) {
  const path = marked.flatMap((is, index) =>
    is ? [`M${middleOf(layout, index) - 2} ${HEIGHT - BOTTOM + 5}h4`] : []).join("");
  return path ? html`<path class="mark-unknown" d=${path} />` : null;
}

const STEPS = /** @type {Record<string, number>} */ (
  { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity }
);

/** @param {number} count of buckets @returns the bucket under the cursor, and what moves it */
function useCursor(count) {
  const [chosen, setChosen] = useState(/** @type {number|null} */ (null));
  const cursor = chosen === null ? null : Math.min(chosen, count - 1);
  /** @param {KeyboardEvent} event */
  function onKeyDown(event) {
    if (event.key === "Escape") return setChosen(null);
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setChosen(Math.max(0, Math.min(count - 1, (cursor ?? count - 1) + step)));
  }
  return { cursor, setCursor: setChosen, onKeyDown };
}

/** @param {StackedProps} props */
export function StackedBars({ label, buckets, interval, zone, series, marked, describe, highlighted }) {
  const [box, width] = useWidth();
  const { cursor, setCursor, onKeyDown } = useCursor(buckets.length);
  const layout = useMemo(() => layOut(buckets, series, width), [buckets, series, width]);
  const { x, left } = layout;
  const last = buckets.length - 1;
  const description = cursor === null ? null : describe(cursor);

  /** @param {PointerEvent & {currentTarget: Element}} event */
  function onPointer(event) {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left - left;
    setCursor(at < 0 ? null : Math.min(last, Math.floor(at / x.step())));
  }

  /** @param {FocusEvent & {currentTarget: Element}} event */
  function onFocus({ currentTarget }) {
    if (currentTarget.matches(":focus-visible") && cursor === null) setCursor(last);
  }

  return html`<div class="chart" ref=${box} tabindex="0" role="slider" aria-label=${label} data-testid="chart"
      aria-valuemin="0" aria-valuemax=${last} aria-valuenow=${cursor ?? last}
      aria-valuetext=${spoken(description ?? describe(last))}
      onKeyDown=${onKeyDown} onFocus=${onFocus} onBlur=${() => setCursor(null)}>
    ${width > 0 && html`<svg width=${width} height=${HEIGHT} aria-hidden="true"
        onPointerMove=${onPointer} onPointerDown=${onPointer} onPointerLeave=${() => setCursor(null)}>
      <rect class="chart-catch" width=${width} height=${HEIGHT} />
      ${cursor !== null && html`<${Cursor} layout=${layout} index=${cursor} />`}
      <${CostAxis} layout=${layout} width=${width} />
      <${Bars} layout=${layout} series=${series} highlighted=${highlighted} />
      <${Marks} layout=${layout} marked=${marked} />
      <${TimeAxis} layout=${layout} width=${width} buckets=${buckets} interval=${interval} zone=${zone} />
    </svg>`}
    ${description !== null && cursor !== null && html`
      <${Tooltip} description=${description} x=${middleOf(layout, cursor)} width=${width} />`}
  </div>`;
}
