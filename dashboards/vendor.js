/**
 * The one door to the kept libraries under vendor/: Preact with hooks, htm, and the d3 modules that charts need.
 * Everything else imports from here, so a version changes in this file, in index.html and in VENDORED.md only.
 *
 * d3 ships browser files that add themselves to `globalThis.d3`; they run in the order in which they are imported.
 */
import { Fragment, createContext, h, render } from "./vendor/preact-11.2.0/preact.mjs";
import htm from "./vendor/htm-3.1.1/htm.mjs";
import "./vendor/d3-array-3.2.5/d3-array.min.js";
import "./vendor/d3-color-3.1.1/d3-color.min.js";
import "./vendor/d3-format-3.1.3/d3-format.min.js";
import "./vendor/d3-interpolate-3.0.2/d3-interpolate.min.js";
import "./vendor/d3-time-3.1.1/d3-time.min.js";
import "./vendor/d3-time-format-4.1.1/d3-time-format.min.js";
import "./vendor/d3-path-3.1.1/d3-path.min.js";
import "./vendor/d3-scale-4.0.3/d3-scale.min.js";
import "./vendor/d3-shape-3.2.1/d3-shape.min.js";

export {
  useCallback, useEffect, useErrorBoundary, useId, useLayoutEffect, useMemo, useRef, useState,
} from "./vendor/preact-11.2.0/hooks.mjs";

/** Tagged template that makes virtual DOM; evaluates no text as code. */
const html = htm.bind(h);

const d3 = globalThis.d3;

export { Fragment, createContext, d3, h, html, render };
