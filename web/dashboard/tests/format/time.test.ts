import { describe, expect, it } from "vitest";
import { previousLabel, spanLabel } from "../../src/format/time.ts";

const KOLKATA = "Asia/Kolkata";

const period = (start: string, end: string, before: [string, string], tz: string) => ({
  name: "",
  start,
  end,
  tz,
  previous_start: before[0],
  previous_end: before[1],
});

const days = period(
  "2026-10-24T18:30:00Z",
  "2026-11-23T18:30:00Z",
  ["2026-09-24T18:30:00Z", "2026-10-24T09:35:00Z"],
  KOLKATA,
);
const hours = period(
  "2026-11-22T15:15:00Z",
  "2026-11-23T15:15:00Z",
  ["2026-11-21T15:15:00Z", "2026-11-22T15:05:00Z"],
  "UTC",
);

describe("periods", () => {
  it("names the days of the zone, the last one included", () =>
    expect(spanLabel(days)).toBe("25 Oct – 23 Nov 2026"));
  it("names one day once", () =>
    expect(spanLabel({ ...days, start: "2026-11-22T18:30:00Z" })).toBe("23 Nov 2026"));
  it("names hours where it is not whole days", () =>
    expect(spanLabel(hours)).toBe("22 Nov, 15:15 – 23 Nov, 15:15"));
  it("says where the period compared with is cut", () => {
    expect(previousLabel(days)).toBe("25 Sep – 24 Oct, 15:05");
    expect(previousLabel(hours)).toBe("21 Nov, 15:15 – 22 Nov, 15:05");
    expect(previousLabel({ ...days, previous_end: "2026-10-24T18:30:00Z" })).toBe("25 Sep – 24 Oct");
  });
});
