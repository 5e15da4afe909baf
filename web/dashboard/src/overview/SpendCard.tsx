import { useState } from "react";
import type { Timeseries } from "../api/timeseries.ts";
import { Legend } from "../charts/Legend.tsx";
import { StackedBars } from "../charts/StackedBars.tsx";
import { StackTable } from "../charts/StackTable.tsx";
import { type Bucket, only, type Segment, type Stack } from "../charts/series.ts";
import { Segmented } from "../ui/Segmented.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";

interface SpendCardProps {
  stack: Stack | undefined;
  totals: Timeseries | undefined;
  colors: ReadonlyMap<string, string>;
  highlighted: string | null;
  onHighlight: (model: string | null) => void;
}

const VIEWS = ["Chart", "Table"].map((label) => ({ value: label, label, content: label }));

/** Spend over time by model, drawn or as a table. */
export function SpendCard({ stack, totals, colors, highlighted, onHighlight }: SpendCardProps) {
  const [view, setView] = useState("Chart");
  const [chosen, setAlone] = useState<string | null>(null);
  const alone = chosen !== null && stack?.models.includes(chosen) ? chosen : null;
  const shown = stack && alone !== null ? only(stack, alone) : stack;
  const costs = new Map(totals?.rows.map((row) => [row.bucket, row.cost_usd]));
  const totalOf = (bucket: Bucket) =>
    alone === null ? (costs.get(bucket.start) ?? null) : costOf(bucket.segments[0]);

  return (
    <section aria-labelledby="spend-title" className="panel p-4 sm:p-5">
      <div className="mb-3 flex items-center justify-between gap-4">
        <h2 id="spend-title" className="font-semibold tracking-tight">
          Spend over time
        </h2>
        <Segmented legend="Show as" options={VIEWS} value={view} onChange={setView} />
      </div>
      {!stack || !shown ? (
        <ChartSkeleton />
      ) : view === "Table" ? (
        <StackTable stack={stack} totalOf={(bucket) => costs.get(bucket.start) ?? null} />
      ) : (
        <>
          <div className="mb-4">
            <Legend
              models={stack.models}
              colors={colors}
              alone={alone}
              onAlone={setAlone}
              onHighlight={onHighlight}
            />
          </div>
          <StackedBars
            stack={shown}
            colors={colors}
            highlighted={alone === null ? highlighted : null}
            totalOf={totalOf}
          />
        </>
      )}
    </section>
  );
}

/** Without requests nothing was spent; requests without a known price cost an unknown amount. */
const costOf = (segment: Segment | undefined) => (segment ? segment.usd : "0");

const HEIGHTS = [40, 55, 48, 70, 62, 30, 28, 66, 74, 58, 80, 72, 34, 38, 77, 85, 69, 90];

function ChartSkeleton() {
  return (
    <div className="flex h-80 items-end gap-2 pt-8 sm:gap-3">
      {HEIGHTS.map((height) => (
        <div key={height} className="flex grow items-end" style={{ height: `${height}%` }}>
          <Skeleton className="size-full" />
        </div>
      ))}
    </div>
  );
}
