import { Icon } from "../ui/Icon.tsx";

interface DeltaProps {
  now: number | null;
  before: number | null;
  /** Whether more of it is good news, bad news, or just news. */
  more: "good" | "bad" | "news";
  /** Rates change by percentage points, amounts by per cent. */
  unit?: "percent" | "points";
}

/** The change against the previous period. Nothing is said where there was nothing to compare with. */
export function Delta({ now, before, more, unit = "percent" }: DeltaProps) {
  if (now === null || before === null || (unit === "percent" && before === 0)) return null;
  const change = unit === "points" ? (now - before) * 100 : (now / before - 1) * 100;
  const text = describe(change, unit);
  if (text === null) return <span className="text-xs text-ink-3">no change</span>;
  const color = more === "news" ? "text-ink-2" : change > 0 === (more === "good") ? "text-good" : "text-bad";
  return (
    <span className={`numeral inline-flex items-center gap-0.5 text-xs font-medium ${color}`}>
      <Icon name={change > 0 ? "up" : "down"} className="size-3" />
      <span className="sr-only">{change > 0 ? "up" : "down"} </span>
      {text}
    </span>
  );
}

function describe(change: number, unit: "percent" | "points"): string | null {
  const size = Math.abs(change);
  if (size < 0.05) return null;
  if (unit === "points") return `${size.toFixed(1)} pt`;
  return size >= 1000 ? `${(size / 100 + 1).toFixed(0)}×` : `${size.toFixed(size < 10 ? 1 : 0)}%`;
}
