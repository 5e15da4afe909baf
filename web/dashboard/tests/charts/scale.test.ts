import { expect, it } from "vitest";
import { labelled, ticks } from "../../src/charts/scale.ts";

it.each([
  [0, [0, 1]],
  [4.95, [0, 2, 4, 6]],
  [4, [0, 1, 2, 3, 4]],
  [0.000203, [0, 0.0001, 0.0002, 0.0003]],
  [1_000_000, [0, 250_000, 500_000, 750_000, 1_000_000]],
])("ticks up to %s", (max, expected) => {
  const made = ticks(max);
  expect(made).toHaveLength(expected.length);
  for (const [index, tick] of made.entries()) expect(tick).toBeCloseTo(expected[index] ?? Number.NaN, 10);
});

const hoursFrom = (start: string, count: number) =>
  Array.from({ length: count }, (_, hour) => new Date(Date.parse(start) + hour * 3_600_000).toISOString());

it("labels full hours of the zone, as many as there is room for", () => {
  const day = hoursFrom("2026-11-22T16:00:00Z", 24);
  expect(labelled(day, "hour", "UTC", 9)).toEqual([2, 5, 8, 11, 14, 17, 20, 23]);
  expect(labelled(day, "hour", "Europe/Berlin", 4)).toEqual([1, 7, 13, 19]);
});

it("labels days counting back from today", () => {
  const days = Array.from(
    { length: 30 },
    (_, day) => `2026-11-${String(day + 1).padStart(2, "0")}T00:00:00Z`,
  );
  expect(labelled(days, "day", "UTC", 5)).toEqual([5, 11, 17, 23, 29]);
});
