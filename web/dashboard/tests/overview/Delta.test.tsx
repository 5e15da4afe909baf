import { render } from "@testing-library/react";
import { expect, it } from "vitest";
import { Delta } from "../../src/overview/Delta.tsx";

it.each([
  [116, 100, "percent", "up 16 %"],
  [99.5, 100, "percent", "down 0.5 %"],
  [100.01, 100, "percent", "no change"],
  [3000, 100, "percent", "up 30×"],
  [5, 0, "percent", ""],
  [5, null, "percent", ""],
  [null, 5, "percent", ""],
  [0.32, 0.3, "points", "up 2.0 pt"],
] as const)("from %s, once %s, in %s: %s", (now, before, unit, text) => {
  const { container } = render(<Delta now={now} before={before} more="news" unit={unit} />);
  expect(container.textContent).toBe(text);
});
