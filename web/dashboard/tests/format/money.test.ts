import { describe, expect, it } from "vitest";
import { axisUsd, exactUsd, formatUsd, formatUsdShort } from "../../src/format/money.ts";

describe("formatUsd", () => {
  it.each([
    [null, "–"],
    ["0", "$0.00"],
    ["0.000000000000", "$0.00"],
    ["0.000203", "$0.000203"],
    ["0.0000203", "$0.0000203"],
    ["0.000000000001", "$0.000000000001"],
    ["0.0123456", "$0.0123"],
    ["0.254", "$0.254"],
    ["0.5", "$0.500"],
    ["0.32", "$0.320"],
    ["0.09996", "$0.100"],
    ["0.9996", "$1.00"],
    ["1", "$1.00"],
    ["1234.5", "$1,234.50"],
    ["-0.00042", "-$0.000420"],
  ])("writes %s as %s", (amount, text) => expect(formatUsd(amount)).toBe(text));

  it("never shows nothing for something", () => {
    for (let power = 0; power >= -12; power--) {
      for (const digit of [1, 4, 5, 9]) expect(formatUsd(digit * 10 ** power)).toMatch(/[1-9]/);
    }
  });
});

describe("formatUsdShort", () => {
  it.each([
    ["999999.99", "$999,999.99"],
    ["1234567.89", "$1.23M"],
    ["0.000203", "$0.000203"],
  ])("writes %s as %s", (amount, text) => expect(formatUsdShort(amount)).toBe(text));
});

describe("exactUsd", () => {
  it.each([
    [null, "unknown"],
    ["0", "$0.00"],
    ["0E-12", "$0.00"],
    ["3", "$3.00"],
    ["0.000203000000", "$0.000203"],
    ["12345678.123456789012", "$12,345,678.123456789012"],
    ["2.03E-7", "$0.000000203"],
    ["1.5e+3", "$1,500.00"],
    ["-0.00042", "-$0.00042"],
  ])("writes out %s as %s", (amount, text) => expect(exactUsd(amount)).toBe(text));
});

describe("axisUsd", () => {
  it.each([
    [2, 4, "$4"],
    [0.5, 1, "$1.00"],
    [0.0002, 0.0006, "$0.0006"],
    [2.5, 7.5, "$7.50"],
    [0.1 + 0.2, 0.6, "$0.60"],
    [0.00025, 0.00075, "$0.00075"],
    [500_000, 1_500_000, "$1.5M"],
  ])("labels an axis in steps of %s: %s is %s", (step, value, text) =>
    expect(axisUsd(step)(value)).toBe(text),
  );
});
