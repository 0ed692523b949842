/**
 * Reading the collector's API. Every failure comes out as an `ApiError` whose words can be shown as they are.
 * An answer that has not changed is the very same object again, so a page that polls draws nothing new.
 */

/** Beside the page, wherever the collector serves it. */
const BASE = new URL("api/v1/", document.baseURI);
const TIMEOUT_MS = 10_000;
const REMEMBERED = 256;

/** @type {Map<string, {text: string, data: unknown}>} the newest answers by address, oldest first */
const answers = new Map();

/** What went wrong, said for the reader; `status` is null where no answer came at all. */
export class ApiError extends Error {
  /** @param {string} what @param {string} advice @param {number|null} status */
  constructor(what, advice, status) {
    super(what);
    this.name = "ApiError";
    this.advice = advice;
    this.status = status;
  }
}

/** @param {number} status @returns {string} */
function adviceFor(status) {
  if (status === 401) return "It wants an API key. Open this page through the collector's loopback address.";
  if (status === 403) return "The key in use may not read this project. Ask for one with the scope “read”.";
  if (status === 404) return "This collector does not offer it. Is it older than this page?";
  if (status === 429 || status === 503) return "It may be starting or busy.";
  if (status >= 500) return "The collector's log says more; this page keeps asking.";
  return "Reload the page. If it stays, the address may hold a setting that this collector does not know.";
}

/** @param {unknown} body @returns {string|null} the reason that an error body states, in the usual places */
function reasonIn(body) {
  if (typeof body === "string") return body;
  if (Array.isArray(body)) return body.length > 0 ? reasonIn(body[0]) : null;
  if (typeof body !== "object" || body === null) return null;
  const fields = /** @type {Record<string, unknown>} */ (body);
  for (const name of ["detail", "error", "message", "msg", "title"]) {
    const reason = reasonIn(fields[name]);
    if (reason) return reason;
  }
  return null;
}

/** @param {string} text @returns {unknown} null if it is not JSON */
function parseOrNull(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {Response} response @param {string} text @returns {ApiError} */
function refused(response, text) {
  const reason = reasonIn(parseOrNull(text));
  const answer = `The collector answered ${response.status} ${response.statusText}`.trim();
  const said = reason ? `${answer}: ${reason.slice(0, 300).replace(/[.\s]+$/, "")}` : answer;
  return new ApiError(`${said}.`, adviceFor(response.status), response.status);
}

/** @param {string} address @param {string} text @returns {unknown} */
function remembered(address, text) {
  const before = answers.get(address);
  answers.delete(address);
  const data = before?.text === text ? before.data : parseOrNull(text);
  answers.set(address, { text, data });
  if (answers.size > REMEMBERED) answers.delete(/** @type {string} */ (answers.keys().next().value));
  return data;
}

/**
 * @template T
 * @param {string} path below /api/v1/
 * @param {Record<string, string|number|undefined>} [parameters] those that are undefined are left out
 * @param {AbortSignal} [signal] ends it early; then it rejects with the signal's reason
 * @returns {Promise<T>} the same object as last time if the answer is the same
 * @throws {ApiError}
 */
export async function read(path, parameters = {}, signal) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  let text;
  try {
    response = await fetch(url, {
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      // Asks with If-None-Match where the collector gives an ETag, and takes the stored answer on a 304.
      cache: "no-cache",
      headers: { Accept: "application/json" },
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    const what = limit.aborted ? `gave no answer within ${TIMEOUT_MS / 1000} seconds` : "does not answer";
    throw new ApiError(`The collector at ${url.host} ${what}.`, "Is “costspan up” still running there?", null);
  }
  if (!response.ok) throw refused(response, text);
  const data = remembered(url.href, text);
  if (data === null) throw new ApiError("The collector's answer is not JSON.", adviceFor(500), response.status);
  return /** @type {T} */ (data);
}

/**
 * Asks the collector to change something.
 * @template T
 * @param {"POST"|"DELETE"} method
 * @param {string} path below /api/v1/
 * @param {unknown} [body] sent as JSON
 * @returns {Promise<T|null>} what it answered, null for nothing
 * @throws {ApiError}
 */
export async function change(method, path, body) {
  const url = new URL(path, BASE);
  let response;
  let text;
  try {
    response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await response.text();
  } catch {
    throw new ApiError(`The collector at ${url.host} does not answer.`, "Look whether it was done before you try again.", null);
  }
  if (!response.ok) throw refused(response, text);
  return /** @type {T|null} */ (parseOrNull(text));
}
