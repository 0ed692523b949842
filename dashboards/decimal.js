/**
 * Exact arithmetic on decimal strings, as the API writes money. Nothing here passes through a binary float except
 * `toNumber`, which is for geometry (bar heights, shares) and never for figures that are shown.
 *
 * @typedef {{digits: bigint, scale: number}} Decimal   the value digits / 10 ** scale
 */

const FORM = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/**
 * @param {string|number} text  a decimal number, with or without an exponent
 * @returns {Decimal}
 * @throws {RangeError} if the text is no decimal number
 */
export function parse(text) {
  const match = FORM.exec(String(text));
  if (!match) throw new RangeError(`"${text}" is not a decimal number`);
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  const scale = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction) * (scale < 0 ? 10n ** BigInt(-scale) : 1n);
  return { digits: sign === "-" ? -digits : digits, scale: Math.max(0, scale) };
}

/** @param {Decimal} value @param {number} scale at least the value's own @returns {bigint} */
function digitsAt(value, scale) {
  return value.digits * 10n ** BigInt(scale - value.scale);
}

/** @param {Decimal} a @param {Decimal} b @returns {Decimal} the exact sum */
export function add(a, b) {
  const scale = Math.max(a.scale, b.scale);
  return { digits: digitsAt(a, scale) + digitsAt(b, scale), scale };
}

/** @param {string[]} texts @returns {string} the exact sum; "0" for none */
export function sum(texts) {
  return toText(texts.map(parse).reduce(add, { digits: 0n, scale: 0 }));
}

/** @param {string} a @param {string} b @returns {number} below, equal to or above 0, as for Array.sort */
export function compare(a, b) {
  const [left, right] = [parse(a), parse(b)];
  const scale = Math.max(left.scale, right.scale);
  const difference = digitsAt(left, scale) - digitsAt(right, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** @param {bigint} numerator @param {bigint} denominator positive @returns {bigint} the quotient, rounded half-even */
function divideHalfEven(numerator, denominator) {
  const negative = numerator < 0n;
  const size = negative ? -numerator : numerator;
  const quotient = size / denominator;
  const twice = (size % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  const rounded = up ? quotient + 1n : quotient;
  return negative ? -rounded : rounded;
}

/** @param {Decimal} value @param {number} decimals @returns {Decimal} with exactly that scale, rounded half-even */
export function round(value, decimals) {
  if (value.scale <= decimals) return { digits: digitsAt(value, decimals), scale: decimals };
  return { digits: divideHalfEven(value.digits, 10n ** BigInt(value.scale - decimals)), scale: decimals };
}

/**
 * @param {string} text @param {number} divisor a positive integer @param {number} decimals
 * @returns {string} the quotient, rounded once, half-even
 */
export function divide(text, divisor, decimals) {
  const value = parse(text);
  const scale = Math.max(value.scale, decimals);
  const denominator = BigInt(divisor) * 10n ** BigInt(scale - decimals);
  return toText({ digits: divideHalfEven(digitsAt(value, scale), denominator), scale: decimals });
}

/** @param {Decimal} value @returns {string} plain, with exactly `scale` decimals */
export function toFixedText(value) {
  const size = (value.digits < 0n ? -value.digits : value.digits).toString().padStart(value.scale + 1, "0");
  const cut = size.length - value.scale;
  const sign = value.digits < 0n ? "-" : "";
  return sign + size.slice(0, cut) + (value.scale > 0 ? `.${size.slice(cut)}` : "");
}

/** @param {Decimal} value @returns {string} plain, without trailing zeros */
export function toText(value) {
  const text = toFixedText(value);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** @param {string} text @returns {boolean} */
export function isZero(text) {
  return parse(text).digits === 0n;
}

/** @param {string|number|null|undefined} text @returns {number} for geometry only; 0 for null */
export function toNumber(text) {
  return text === null || text === undefined ? 0 : Number(text);
}
