import { numberFormat } from "./locale.ts";

/** Instead of a cost or a count that exists but is not known; never 0. */
export const UNKNOWN = "unknown";
/** Instead of a rate or a duration where there is nothing to measure or to divide by. */
export const NO_VALUE = "–";

/** A number, or the digits of one that a double would round. */
export type Digits = number | string;

const SIGNIFICANT = 3;
/** `Intl` writes no more decimals everywhere. */
const MOST_DECIMALS = 20;
const UNITS = [
  [12, "T"],
  [9, "B"],
  [6, "M"],
  [3, "k"],
] as const;
/** Durations below so many milliseconds, in this unit, with so many decimals, under this name. */
const SPANS = [
  [9.95, 1, 1, "ms"],
  [999.5, 1, 0, "ms"],
  [9_995, 1_000, 2, "s"],
  [59_950, 1_000, 1, "s"],
  [3_597_000, 60_000, 1, "min"],
  [86_220_000, 3_600_000, 1, "h"],
  [Number.POSITIVE_INFINITY, 86_400_000, 1, "d"],
] as const;

export const isKnown = (value: Digits | null): value is Digits =>
  value !== null && Number.isFinite(Number(value));

export const signOf = (value: Digits) => (Number(value) < 0 ? "−" : "");

/** The size of a number with at least and at most so many decimals, exact to the last of its digits. */
export function decimal(value: Digits, least: number, most: number): string {
  const [minimumFractionDigits, maximumFractionDigits] = [least, Math.min(most, MOST_DECIMALS)];
  return written(value, { minimumFractionDigits, maximumFractionDigits });
}

/** A size from ten thousand up: three significant digits and a unit. What would round up to the next one is in it. */
export function compact(value: Digits): string {
  const size = Math.abs(Number(value));
  const [power, unit] = UNITS.find(([power]) => size >= 0.9995 * 10 ** power) ?? [0, ""];
  return written(shifted(value, -power), { maximumSignificantDigits: SIGNIFICANT }) + unit;
}

/** A count or a quantity in full: 1,234,567. */
export const formatCount = (value: Digits | null) =>
  isKnown(value) ? signOf(value) + decimal(value, 0, MOST_DECIMALS) : UNKNOWN;

/** A count for a glance: in full up to 9,999, then 12.3k, 4.5M. */
export const formatCountShort = (value: number | null) =>
  isKnown(value) && Math.abs(value) >= 10_000 ? signOf(value) + compact(value) : formatCount(value);

/** A number of things: 1 call, 2,000 calls. */
export const plural = (count: number | null, noun: string) =>
  `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;

/** A rate or a share. Neither nothing nor everything is claimed of what only comes close: <0.1 %, >99.9 %. */
export function formatPercent(rate: number | null): string {
  if (!isKnown(rate)) return NO_VALUE;
  if (rate === 0 || rate === 1) return `${100 * rate} %`;
  const percent = shifted(rate, 2);
  if (Math.abs(rate) < 0.0005) return rate > 0 ? `<${decimal(0.1, 1, 1)} %` : `>−${decimal(0.1, 1, 1)} %`;
  if (rate >= 0.9995 && rate < 1) return `>${decimal(99.9, 1, 1)} %`;
  if (rate > 1 && rate < 1.0005) return ">100 %";
  return `${signOf(rate)}${decimal(percent, 1, 1)} %`;
}

export interface Change {
  direction: "up" | "down" | "none";
  /** How much, without its direction: 12 %, 15×, or that nothing changed. */
  size: string;
}

const UNCHANGED: Change = { direction: "none", size: "no change" };

/** How a number changed. Null where there is nothing to compare with. */
export function change(now: number | null, before: number | null): Change | null {
  if (!isKnown(now) || !isKnown(before) || before <= 0) return null;
  if (now / before >= 10) return { direction: "up", size: `${decimal(now / before, 0, 0)}×` };
  const size = withoutNoise(Math.abs(((now - before) / before) * 100));
  if (size < 0.05) return UNCHANGED;
  const decimals = size < 9.95 ? 1 : 0;
  const nearlyAll = now > 0 && now < before && size >= 99.5;
  return {
    direction: now > before ? "up" : "down",
    size: `${nearlyAll ? ">99" : decimal(size, decimals, decimals)} %`,
  };
}

/** How a rate changed, in percentage points. */
export function changeInPoints(now: number | null, before: number | null): Change | null {
  if (!isKnown(now) || !isKnown(before)) return null;
  const points = withoutNoise((now - before) * 100);
  if (Math.abs(points) < 0.05) return UNCHANGED;
  return { direction: points > 0 ? "up" : "down", size: `${decimal(points, 1, 1)} pt` };
}

/** A duration in milliseconds: 340 ms, 1.24 s, 2.1 min. */
export function formatDuration(ms: number | null): string {
  if (!isKnown(ms)) return NO_VALUE;
  if (ms === 0) return "0 ms";
  const size = Math.abs(ms);
  if (size < 0.05) return `<${decimal(0.1, 1, 1)} ms`;
  const [, length, decimals, unit] = SPANS.find(([below]) => size < below) ?? SPANS[6];
  return `${signOf(ms)}${decimal(size / length, decimals, decimals)} ${unit}`;
}

/** What is read aloud instead of a text whose sign would not be. */
export const spoken = (text: string) => (text === NO_VALUE ? "no value" : text);

/** A difference of doubles as it would be without their rounding. */
const withoutNoise = (value: number) => Number(value.toPrecision(12));

function written(value: Digits, options: Intl.NumberFormatOptions): string {
  const size = String(value).replace(/^-/, "") as `${number}`;
  return numberFormat(options).format(size);
}

/** Moves the decimal point without rounding. */
function shifted(value: Digits, power: number): string {
  const [digits, exponent = "0"] = String(value).split(/e/i);
  return `${digits}e${Number(exponent) + power}`;
}
