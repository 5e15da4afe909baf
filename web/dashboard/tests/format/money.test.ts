import { expect, it } from "vitest";
import { formatUsd } from "../../src/format/money.ts";

it("never shows nothing for something", () => {
  for (let power = 0; power >= -12; power--) {
    for (const digit of [1, 4, 5, 9]) expect(formatUsd(`${digit}e${power}`)).toMatch(/[1-9]/);
  }
});
