import type { Usd } from "../api/exact.ts";
import type { Timeseries, TimeseriesRow } from "../api/timeseries.ts";
import type { Interval } from "../api/types.ts";
import { OTHER, UNNAMED } from "./palette.ts";

/** What a model is called, also one without a name. */
export const modelName = (model: string | null | undefined) => model ?? UNNAMED;

export interface Segment {
  model: string;
  value: number;
  usd: Usd | null;
  requests: number;
  unpriced: number;
}

export interface Bucket {
  start: string;
  segments: Segment[];
  /** Height of the whole bar. */
  value: number;
  /** Requests whose cost is unknown and therefore not in it. */
  unpriced: number;
  /** Whether it has begun and not ended. */
  running: boolean;
}

export interface Stack {
  interval: Interval;
  tz: string;
  /** Bottom to top: the most expensive first, "other" last. */
  models: string[];
  buckets: Bucket[];
}

/** Turns the rows of a time series by model into stacked bars, as they stand at the instant `now`. */
export function stack({ rows, interval, period }: Timeseries, now: number): Stack {
  const models = ranked(rows);
  const starts = new Map<string, Map<string, TimeseriesRow>>();
  for (const row of rows) {
    const members = starts.get(row.bucket) ?? new Map<string, TimeseriesRow>();
    starts.set(row.bucket, members.set(modelName(row.model), row));
  }
  const begun = [...starts.keys()].filter((start) => Date.parse(start) <= now);
  const current = now < Date.parse(period.end) ? begun.at(-1) : undefined;
  const buckets = Array.from(starts, ([start, byName]) => {
    const segments = models.flatMap((model) => segment(model, byName.get(model)));
    return { start, segments, ...sums(segments), running: start === current };
  });
  return { interval, tz: period.tz, models, buckets };
}

/** The same bars with one model alone, resting on the axis. */
export function only(whole: Stack, model: string): Stack {
  const buckets = whole.buckets.map((bucket) => {
    const own = bucket.segments.find((one) => one.model === model);
    const segments = own ? [own] : [];
    return { ...bucket, segments, ...sums(segments) };
  });
  return { ...whole, buckets };
}

function segment(model: string, row: TimeseriesRow | undefined): Segment[] {
  if (!row || row.requests === 0) return [];
  const { requests, unpriced, cost_usd: usd } = row;
  return [{ model, value: Number(usd ?? 0), usd, requests, unpriced }];
}

function sums(segments: Segment[]): Pick<Bucket, "value" | "unpriced"> {
  const value = segments.reduce((sum, segment) => sum + segment.value, 0);
  const unpriced = segments.reduce((sum, segment) => sum + segment.unpriced, 0);
  return { value, unpriced };
}

function ranked(rows: TimeseriesRow[]): string[] {
  const totals = new Map<string, number>();
  for (const { model, cost_usd, requests } of rows) {
    if (requests === 0) continue;
    const name = modelName(model);
    totals.set(name, (totals.get(name) ?? 0) + Number(cost_usd ?? 0));
  }
  const rank = ([name, total]: [string, number]) => (name === OTHER ? -1 : total);
  return [...totals].sort((a, b) => rank(b) - rank(a)).map(([name]) => name);
}
