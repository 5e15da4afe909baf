import { change, changeInPoints } from "../format/numbers.ts";
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
  const changed = unit === "points" ? changeInPoints(now, before) : change(now, before);
  if (changed === null) return null;
  const { direction, size } = changed;
  if (direction === "none") return <span className="text-xs text-ink-3">{size}</span>;
  const color =
    more === "news" ? "text-ink-2" : (direction === "up") === (more === "good") ? "text-good" : "text-bad";
  return (
    <span className={`numeral inline-flex items-center gap-0.5 text-xs font-medium ${color}`}>
      <Icon name={direction} className="size-3" />
      <span className="sr-only">{direction} </span>
      {size}
    </span>
  );
}
