/** Before the first call: what to do next, ready to paste. */
import { html, useState } from "../vendor.js";

/** Where the SDK sends to unless it is told otherwise. */
const DEFAULT_PORT = "4318";

/** @returns {string} the start call, with this collector's address where it is not the default one */
function initLine() {
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) && location.port === DEFAULT_PORT;
  return local ? "costspan.init()" : `costspan.init(endpoint="${location.origin}")`;
}

/** @param {{text: string}} props */
function Copy({ text }) {
  const [done, setDone] = useState(false);
  // Only pages from loopback or over TLS may write to the clipboard.
  if (!navigator.clipboard) return null;
  const copy = () => navigator.clipboard.writeText(text).then(() => setDone(true), () => setDone(false));
  return html`<button type="button" class="button" data-testid="copy" onClick=${copy}>
    ${done ? "Copied" : "Copy"}
  </button>`;
}

export function Empty() {
  const lines = ["import costspan", initLine(), "", "with costspan.feature(\"search\", customer=\"acme\"):",
    "    answer = client.chat.completions.create(model=\"gpt-5-mini\", messages=messages)"];
  const text = lines.join("\n");
  return html`<section class="panel empty-state" data-testid="empty-state">
    <h1>No calls yet</h1>
    <p>
      Add these lines to an application that calls a model. Its client stays as it is;${" "}
      the first call shows up here within seconds.
    </p>
    <div class="snippet"><pre tabindex="0"><code>${text}</code></pre><${Copy} text=${text} /></div>
    <ol class="steps">
      <li><code>pip install costspan</code> in the application's environment.</li>
      <li><code>init()</code> measures every call of the installed model clients. It sends figures, never prompts.</li>
      <li><code>feature(…)</code> names what its calls are for; spend, budgets and alerts follow the name.</li>
    </ol>
    <p class="waiting" role="status">
      <span class="live-dot" aria-hidden="true"></span>Waiting for the first call. This page turns over by itself.
    </p>
  </section>`;
}
