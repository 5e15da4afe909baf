import { expect, it } from "vitest";
import type { ModelRow } from "../../src/api/byModel.ts";
import { pressed, type Sort, sorted } from "../../src/overview/modelSort.ts";

const rows = [
  { model: "b", cost_usd: "9.5", requests: 1 },
  { model: null, cost_usd: null, requests: 7 },
  { model: "a", cost_usd: "10.25", requests: 3 },
] as ModelRow[];

const order = (sort: Sort) => sorted(rows, sort).map(({ model }) => model);

it.each([
  [{ by: "cost_usd", descending: true }, ["a", "b", null]],
  [{ by: "cost_usd", descending: false }, ["b", "a", null]],
  [{ by: "requests", descending: true }, [null, "a", "b"]],
  [{ by: "model", descending: false }, ["a", "b", null]],
] as [Sort, (string | null)[]][])("%o", (sort, expected) => expect(order(sort)).toEqual(expected));

it("turns round on the second press and begins with what people look for", () => {
  expect(pressed({ by: "cost_usd", descending: true }, "cost_usd")).toEqual({
    by: "cost_usd",
    descending: false,
  });
  expect(pressed({ by: "cost_usd", descending: true }, "requests")).toEqual({
    by: "requests",
    descending: true,
  });
  expect(pressed({ by: "cost_usd", descending: true }, "model")).toEqual({ by: "model", descending: false });
});
