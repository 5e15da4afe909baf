import { UNKNOWN } from "./money.ts";

const COUNT = new Intl.NumberFormat("en-US");
const COMPACT = new Intl.NumberFormat("en-US", {
  notation: "compact",
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
});

/** A count in full: 1,234,567. */
export const formatCount = (value: number | null) => (value === null ? UNKNOWN : COUNT.format(value));

/** A count for a glance: in full up to 9,999, then 12.3K, 4.50M. */
export function formatCountShort(value: number | null): string {
  if (value === null) return UNKNOWN;
  return Math.abs(value) < 10_000 ? COUNT.format(value) : COMPACT.format(value);
}

/** A ratio as a percentage. Neither nothing nor everything is claimed of what only comes close: <0.1 %, >99.9 %. */
export function formatPercent(ratio: number | null): string {
  if (ratio === null) return UNKNOWN;
  const percent = ratio * 100;
  if (percent > 0 && percent < 0.1) return "<0.1%";
  if (percent < 100 && percent > 99.9) return ">99.9%";
  return percent === 0 || percent === 100 ? `${percent}%` : `${percent.toFixed(1)}%`;
}

/** A duration in milliseconds: 340 ms, 1.24 s, 2.1 min. */
export function formatDuration(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  return `${(ms / 60_000).toFixed(1)} min`;
}
