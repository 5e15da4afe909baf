import { expect, it } from "vitest";
import type { Timeseries, TimeseriesRow } from "../../src/api/timeseries.ts";
import { only, stack } from "../../src/charts/series.ts";

const row = (bucket: string, model: string | null, cost_usd: string | null, requests = 1) =>
  ({ bucket, model, cost_usd, requests, unpriced: cost_usd === null ? requests : 0 }) as TimeseriesRow;

const answer = (rows: TimeseriesRow[]): Timeseries => ({
  period: {
    name: "2d",
    start: "2026-11-22T00:00:00Z",
    end: "2026-11-24T00:00:00Z",
    tz: "UTC",
    previous_start: "2026-11-20T00:00:00Z",
    previous_end: "2026-11-22T00:00:00Z",
  },
  interval: "day",
  by: ["model"],
  rows,
});

const [SUNDAY, MONDAY] = ["2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"] as const;
const NOON = Date.parse("2026-11-23T12:00:00Z");

const whole = stack(
  answer([
    row(SUNDAY, "small", "0.1"),
    row(SUNDAY, "big", "5"),
    row(SUNDAY, "other", "9"),
    row(SUNDAY, null, null),
    row(MONDAY, "small", "0.2"),
    row(MONDAY, "big", "0", 0),
    row(MONDAY, "other", "0", 0),
    row(MONDAY, null, "0", 0),
  ]),
  NOON,
);

it("stacks the most expensive at the bottom and the rest on top", () =>
  expect(whole.models).toEqual(["big", "small", "unknown", "other"]));

it("draws an unknown cost as nothing and still calls it unknown", () =>
  expect(whole.buckets[0]?.segments).toContainEqual({
    model: "unknown",
    value: 0,
    usd: null,
    requests: 1,
    unpriced: 1,
  }));

it("counts what has no price in each bucket", () =>
  expect(whole.buckets.map(({ unpriced }) => unpriced)).toEqual([1, 0]));

it("leaves out models that were not called in a bucket", () =>
  expect(whole.buckets[1]?.segments).toEqual([
    { model: "small", value: 0.2, usd: "0.2", requests: 1, unpriced: 0 },
  ]));

it("knows the bucket that is not over, and none once the period is", () => {
  expect(whole.buckets.map(({ running }) => running)).toEqual([false, true]);
  const later = stack(answer([row(MONDAY, "big", "1")]), Date.parse("2026-11-25T00:00:00Z"));
  expect(later.buckets.map(({ running }) => running)).toEqual([false]);
});

it("shows one model alone", () => {
  const alone = only(whole, "big");
  expect(alone.buckets.map(({ value }) => value)).toEqual([5, 0]);
  expect(alone.models).toEqual(whole.models);
});
