import { expect, it } from "vitest";
import { assignColors, colorOf } from "../../src/charts/palette.ts";

it("gives each of six models a colour of its own and the rest that of other", () => {
  const colors = assignColors(["a", "b", "c", "d", "e", "f", "other"], new Map());
  expect(new Set(colors.values()).size).toBe(6);
  expect(colorOf(colors, "g")).toBe(colorOf(colors, "other"));
  expect(colorOf(colors, "unknown")).not.toBe(colorOf(colors, "other"));
});

it("lets a model keep its colour when it is overtaken, and newcomers take what is free", () => {
  const before = assignColors(["a", "b", "c"], new Map());
  const after = assignColors(["new", "c", "a"], before);
  expect(after.get("a")).toBe(before.get("a"));
  expect(after.get("c")).toBe(before.get("c"));
  expect(after.get("new")).toBe(before.get("b"));
});
