import type { Usd } from "../api/exact.ts";
import { compact, decimal, isKnown, signOf, UNKNOWN } from "./numbers.ts";

const SIGNIFICANT = 3;
const CENTS = 2;
const ALL_DIGITS = 20;
/** From here on cents would read a million. */
const FULL_BELOW = 999_999.995;

/**
 * An amount for reading: cents from a dollar up, three significant digits below, cents at least, so that something
 * never reads as nothing ($1,234.50, $0.32, $0.000203).
 */
export function formatUsd(amount: Usd | null): string {
  return isKnown(amount)
    ? dollars(amount, Math.max(CENTS, SIGNIFICANT - 1 - exponentOf(Number(amount))))
    : UNKNOWN;
}

/** An amount for large figures and narrow places: like `formatUsd`, but millions are shortened ($1.23M). */
export function formatUsdShort(amount: Usd | null): string {
  if (!isKnown(amount) || Math.abs(Number(amount)) < FULL_BELOW) return formatUsd(amount);
  return `${signOf(amount)}$${compact(amount)}`;
}

/** Every digit the server sent, without an exponent or trailing zeros beyond the cents. */
export const exactUsd = (amount: Usd | null) => (isKnown(amount) ? dollars(amount, ALL_DIGITS) : UNKNOWN);

/** The labels of an axis: all with as many decimals as its step needs. */
export function axisUsd(step: number): (value: number) => string {
  const needed = decimalsOf(step);
  const decimals = needed === 1 ? CENTS : needed;
  return (value) => {
    if (value === 0) return "$0";
    if (Math.abs(value) >= FULL_BELOW) return formatUsdShort(String(value));
    return `${signOf(value)}$${decimal(value, decimals, decimals)}`;
  };
}

const dollars = (amount: Usd, most: number) => `${signOf(amount)}$${decimal(amount, CENTS, most)}`;

/** The power of ten that a number begins at: -2 for 0.012. */
const exponentOf = (value: number) => (value === 0 ? 0 : Number(value.toExponential().split("e")[1]));

/** The decimals of a number of three significant digits. */
function decimalsOf(value: number): number {
  const [digits = "", exponent = "0"] = value.toExponential(SIGNIFICANT - 1).split("e");
  const fraction = digits.replace(/^\d\.?|0+$/g, "");
  return Math.max(0, fraction.length - Number(exponent));
}
