import { expect, it } from "vitest";
import { changeInPoints } from "../../src/format/numbers.ts";

it.each([
  [0.31, 0.298, "up", "1.2 pt"],
  [0.1, 0.3, "down", "20.0 pt"],
  [0.3004, 0.3, "none", "no change"],
] as const)("the rate %s after %s went %s by %s", (now, before, direction, size) =>
  expect(changeInPoints(now, before)).toEqual({ direction, size }),
);

it("compares no rate with none", () => {
  expect(changeInPoints(null, 0.1)).toBeNull();
  expect(changeInPoints(0.1, null)).toBeNull();
});
