import { expect, it } from "vitest";
import { parseExact } from "../../src/api/exact.ts";

it("keeps every digit of an amount that a double would round", () => {
  const json = '{"cost_usd": 123456789012.123456789012, "avg_cost_usd":2.03E-7, "requests": 3}';
  expect(parseExact(json)).toEqual({
    cost_usd: "123456789012.123456789012",
    avg_cost_usd: "2.03E-7",
    requests: 3,
  });
});

it("leaves unknown amounts unknown", () => {
  expect(parseExact('{"rows":[{"cost_usd":null}]}')).toEqual({ rows: [{ cost_usd: null }] });
});

it("does not touch text that looks like an amount", () => {
  const model = 'a"cost_usd":1,"b';
  expect(parseExact(JSON.stringify({ model, cost_usd: 0.5 }))).toEqual({ model, cost_usd: "0.5" });
});
