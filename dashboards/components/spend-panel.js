/** Spend over time and by group: the chart, its legend, the table. */
import { colourBook } from "../charts/colours.js";
import { StackedBars } from "../charts/stacked.js";
import { show } from "../navigate.js";
import { html, useMemo, useRef, useState } from "../vendor.js";
import { DIMENSIONS, RANGES } from "../view.js";
import { CostSentence } from "./cost.js";
import { Notice, Panel, Skeleton } from "./parts.js";
import { describeBucket, groupsOf, incompleteBuckets, seriesOf, timelineOf, windowWords } from "./spend-model.js";
import { SpendTable } from "./spend-table.js";

/**
 * @typedef {import("../pages/overview-data.js").Slots} Slots
 * @typedef {import("../view.js").View} View
 */

/** @param {{route: import("../router.js").Route, view: View}} props */
function GroupPicker({ route, view }) {
  const groups = /** @type {View["group"][]} */ (Object.keys(DIMENSIONS));
  return html`<div class="segments" role="group" aria-label="Group by">
    ${groups.map((group) => html`
      <button key=${group} type="button" data-testid="group-${group}" aria-pressed=${String(group === view.group)}
        onClick=${() => show(route, view, { group })}>${DIMENSIONS[group].label}</button>`)}
  </div>`;
}

/** @typedef {(key: string|null) => void} Highlight */

/** @typedef {import("./spend-model.js").Timeline} Timeline */

/** @param {{layers: Timeline["layers"], incomplete: boolean, onHighlight: Highlight}} props */
function Legend({ layers, incomplete, onHighlight }) {
  return html`<ul class="legend" data-testid="legend">
    ${layers.map(({ key, label, class: colour }) => html`
      <li key=${key} onPointerEnter=${() => onHighlight(key)} onPointerLeave=${() => onHighlight(null)}>
        <i class="swatch ${colour}"></i>${label}
      </li>`)}
    ${incomplete && html`<li class="legend-mark"><i class="dash"></i>holds calls of unknown cost</li>`}
  </ul>`;
}

/** @param {{timeline: Timeline, highlighted: string|null, onHighlight: Highlight}} props */
function Chart({ timeline, highlighted, onHighlight }) {
  const { asked, buckets, layers } = timeline;
  const series = useMemo(() => seriesOf(timeline), [timeline]);
  const marked = useMemo(() => incompleteBuckets(timeline), [timeline]);
  const describe = (/** @type {number} */ index) => describeBucket(timeline, index, Date.now());
  return html`
    <${Legend} layers=${layers} incomplete=${marked.includes(true)} onHighlight=${onHighlight} />
    <${StackedBars} label="Cost by ${asked.view.group} over time. Use the arrow keys to move."
      buckets=${buckets} interval=${asked.window.interval} zone=${asked.view.tz} series=${series} marked=${marked}
      describe=${describe} highlighted=${highlighted} />`;
}

/** In place of legend and chart, of their height. */
function ChartSkeleton() {
  return html`<div class="skeleton chart-skeleton" aria-hidden="true">
    <div class="skeleton-line"></div>
    <div class="skeleton-block"></div>
  </div>`;
}

/**
 * The filled panel.
 * @param {{slots: Slots, data: import("../types.js").Spend, asked: import("../pages/overview-data.js").Asked,
 *   classesFor: (names: string[]) => Map<string, string>}} props
 */
function Spend({ slots: { series }, data, asked, classesFor }) {
  const [highlighted, setHighlighted] = useState(/** @type {string|null} */ (null));
  const dimension = asked.view.group;
  const groups = useMemo(() => groupsOf(data.rows, dimension, classesFor), [data, dimension, classesFor]);
  // The chart's answer comes after the table's. Until it is there, the old one may be an answer to something else.
  const rows = series.asked?.view === asked.view ? series.data?.rows : undefined;
  const timeline = useMemo(
    () => (rows && series.asked ? timelineOf(rows, groups, series.asked) : null), [rows, series.asked, groups]);
  return html`
    <p class="panel-lead">
      <strong><${CostSentence} measures=${data.totals} /></strong>
      <span class="muted"> · ${windowWords(asked, timeline?.buckets ?? [])}</span>
    </p>
    ${timeline
      ? html`<${Chart} timeline=${timeline} highlighted=${highlighted} onHighlight=${setHighlighted} />`
      : html`<${ChartSkeleton} />`}
    <${SpendTable} groups=${groups} totals=${data.totals} dimension=${dimension} onHighlight=${setHighlighted} />`;
}

/** @param {{route: import("../router.js").Route, view: View, range: string}} props */
function NothingInRange({ route, view, range }) {
  return html`<div class="nothing" data-testid="nothing-in-range">
    <p>No calls in this range (${range.toLowerCase()}).</p>
    <button type="button" class="button" onClick=${() => show(route, view, { range: "all" })}>Show all time</button>
  </div>`;
}

/** @param {{slots: Slots, quiet: boolean, stale: boolean, route: import("../router.js").Route, view: View}} props */
export function SpendPanel({ slots, quiet, stale, route, view }) {
  const books = useRef(/** @type {Record<string, ReturnType<typeof colourBook>>} */ ({}));
  const { spend, series } = slots;
  const { data, asked } = spend;
  const dimension = asked?.view.group ?? view.group;
  books.current[dimension] ??= colourBook();
  const skeleton = html`
    <div class="skeleton-line lead"></div>
    <${ChartSkeleton} />
    <${Skeleton} rows=${6} class="table-skeleton" />`;
  const failed = !quiet && !spend.error && series.error;
  const title = `Spend by ${DIMENSIONS[view.group].label.toLowerCase()}`;
  return html`<${Panel} title=${title} testid="spend-panel" class="spend"
      slot=${spend} quiet=${quiet} stale=${stale} skeleton=${skeleton}
      aside=${html`<${GroupPicker} route=${route} view=${view} />`}>
    ${failed && html`<${Notice} what="The chart is not up to date. ${failed.message}" advice=${failed.advice} />`}
    ${data && asked && (data.totals.calls > 0
      ? html`<${Spend} slots=${slots} data=${data} asked=${asked} classesFor=${books.current[dimension]} />`
      : html`<${NothingInRange} route=${route} view=${view} range=${RANGES[asked.view.range].name} />`)}
  <//>`;
}
