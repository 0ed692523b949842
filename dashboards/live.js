/**
 * Asking again and again, politely: every two seconds while the page is visible, never twice at once, not at all
 * while it is hidden, and less and less often while nobody answers.
 *
 * @typedef {"starting"|"live"|"paused"|"interrupted"} LiveState
 */

const EVERY_MS = 2_000;
const LONGEST_MS = 30_000;

/**
 * @param {(signal: AbortSignal) => Promise<boolean>} ask one round; false if nothing could be read
 * @param {(state: LiveState, retryMs: number) => void} report
 * @returns {() => void} that stops it and aborts what is under way
 */
export function poll(ask, report) {
  const stop = new AbortController();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  let busy = false;
  let failures = 0;

  async function round() {
    clearTimeout(timer);
    if (busy || stop.signal.aborted) return;
    if (document.hidden) return report("paused", 0);
    busy = true;
    const answered = await ask(stop.signal).catch((error) => {
      if (!stop.signal.aborted) reportError(error);
      return false;
    });
    busy = false;
    if (stop.signal.aborted) return;
    failures = answered ? 0 : failures + 1;
    const wait = Math.min(LONGEST_MS, EVERY_MS * 2 ** Math.min(failures, 5));
    report(answered ? "live" : "interrupted", wait);
    timer = setTimeout(round, wait);
  }

  function onVisibility() {
    if (document.hidden) {
      clearTimeout(timer);
      report("paused", 0);
    } else {
      void round();
    }
  }

  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("online", round);
  void round();
  return () => {
    stop.abort();
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", onVisibility);
    removeEventListener("online", round);
  };
}
