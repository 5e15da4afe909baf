import type { Usd } from "../api/exact.ts";

export const UNKNOWN = "–";

const SIGNIFICANT = 3;
const PICO = 12;
const byDecimals = new Map<number, Intl.NumberFormat>();

/**
 * An amount for reading: cents from a dollar up, three significant digits below down to the last picodollar, so that
 * something never reads as nothing ($1,234.50, $0.320, $0.000203). Unknown is a dash.
 */
export function formatUsd(amount: Usd | number | null): string {
  if (amount === null) return UNKNOWN;
  const value = Number(amount);
  return dollars(value, decimalsFor(value));
}

/** An amount for narrow places: like `formatUsd`, but millions are shortened ($1.23M). */
export function formatUsdShort(amount: Usd | number | null): string {
  if (amount === null || Math.abs(Number(amount)) < 1e6) return formatUsd(amount);
  return COMPACT.format(Number(amount));
}

/** Every digit the server sent, without an exponent or trailing zeros beyond the cents. */
export function exactUsd(amount: Usd | null): string {
  if (amount === null) return "unknown";
  const [, sign = "", integer = "0", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(amount) ?? [];
  const shift = Number(exponent);
  const digits = integer + fraction;
  const point = integer.length + shift;
  const padded = point <= 0 ? "0".repeat(1 - point) + digits : digits.padEnd(point, "0");
  const at = Math.max(point, 1);
  const units = BigInt(padded.slice(0, at)).toLocaleString("en-US");
  const cents = padded.slice(at).replace(/0+$/, "").padEnd(2, "0");
  return `${sign}$${units}.${cents}`;
}

/** The labels of an axis: all with as many decimals as its step needs. */
export function axisUsd(step: number): (value: number) => string {
  const whole = (decimals: number) =>
    Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) < 1e-6;
  const decimals = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14].find(whole) ?? 14;
  return (value) => (value >= 1e6 ? COMPACT.format(value) : dollars(value, decimals));
}

function decimalsFor(value: number): number {
  const size = Math.abs(Number(value.toPrecision(SIGNIFICANT)));
  if (size === 0 || size >= 1) return 2;
  return Math.min(PICO, SIGNIFICANT - 1 - Math.floor(Math.log10(size)));
}

function dollars(value: number, decimals: number): string {
  let format = byDecimals.get(decimals);
  if (!format) {
    format = usd({ minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    byDecimals.set(decimals, format);
  }
  return format.format(value);
}

function usd(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", ...options });
}

const COMPACT = usd({ notation: "compact", maximumSignificantDigits: 3 });
