import { describe, expect, it } from "vitest";
import { formatCount, formatCountShort, formatDuration, formatPercent } from "../../src/format/numbers.ts";

describe("counts", () => {
  it.each([
    [null, "–", "–"],
    [0, "0", "0"],
    [9_999, "9,999", "9,999"],
    [12_345, "12,345", "12.3K"],
    [4_500_000, "4,500,000", "4.50M"],
  ])("%s", (value, full, short) => {
    expect(formatCount(value)).toBe(full);
    expect(formatCountShort(value)).toBe(short);
  });
});

it.each([
  [null, "–"],
  [0, "0%"],
  [0.0004, "<0.1%"],
  [0.013, "1.3%"],
  [0.9995, ">99.9%"],
  [1, "100%"],
])("writes the ratio %s as %s", (ratio, text) => expect(formatPercent(ratio)).toBe(text));

it.each([
  [null, "–"],
  [0, "0 ms"],
  [340.4, "340 ms"],
  [999.7, "1.00 s"],
  [9_996, "10.0 s"],
  [126_000, "2.1 min"],
])("writes %s milliseconds as %s", (ms, text) => expect(formatDuration(ms)).toBe(text));
