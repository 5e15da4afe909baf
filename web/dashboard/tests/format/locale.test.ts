import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { setLocale } from "../../src/format/locale.ts";
import { exactUsd, formatUsdShort } from "../../src/format/money.ts";
import { formatCount, formatCountShort, formatDuration, formatPercent } from "../../src/format/numbers.ts";
import { bucketLabel, dayOf, shortDayOf } from "../../src/format/time.ts";

afterEach(() => setLocale("en"));

describe("for a viewer in Germany", () => {
  beforeEach(() => setLocale("de-DE"));

  it("numbers have their separators, and the units and signs that everyone sees", () => {
    expect(exactUsd("1234.5")).toBe("$1.234,50");
    expect(formatUsdShort("-1234567.89")).toBe("−$1,23M");
    expect(formatCount(1_234_567)).toBe("1.234.567");
    expect(formatCountShort(12_345)).toBe("12,3k");
    expect(formatPercent(0.4567)).toBe("45,7 %");
    expect(formatPercent(0.0002)).toBe("<0,1 %");
    expect(formatDuration(1_234)).toBe("1,23 s");
  });

  it("dates are theirs, in the zone that is shown", () => {
    expect(shortDayOf("2026-10-06T18:30:00Z", "Asia/Kolkata")).toBe("7. Okt.");
    expect(bucketLabel("2026-11-23T14:00:00Z", "hour", "UTC")).toBe("Mo., 23. Nov., 14:00–15:00");
  });
});

it("English dates are the same wherever English is spoken", () => {
  for (const tag of ["en-GB", "en-AU", "en-CA", "en-US"]) {
    setLocale(tag);
    expect(dayOf("2026-09-07T00:00:00Z", "UTC")).toBe("Mon 7 Sep 2026");
  }
});

it("reads the clock by the 24 hours and the digits of the axis in every language", () => {
  setLocale("ar-EG");
  expect(bucketLabel("2026-11-23T14:00:00Z", "hour", "UTC")).toMatch(/14:00–15:00$/);
});
