import { useState } from "react";
import type { ModelRow } from "../api/byModel.ts";
import { modelName } from "../charts/series.ts";
import { ScrollArea } from "../ui/ScrollArea.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { ModelTableRow } from "./ModelTableRow.tsx";
import { COLUMNS, type Column, pressed, type Sort, sorted } from "./modelSort.ts";

const TITLES: Record<Column, string> = {
  model: "Model",
  cost_usd: "Cost",
  share: "Share",
  requests: "Requests",
  total_tokens: "Tokens",
  avg_cost_usd: "Avg cost",
  avg_latency_ms: "Avg latency",
};

interface ModelTableProps {
  rows: ModelRow[] | undefined;
  colors: ReadonlyMap<string, string>;
  onHighlight: (model: string | null) => void;
}

/** What each model cost, sortable by every column. */
export function ModelTable({ rows, colors, onHighlight }: ModelTableProps) {
  const [sort, setSort] = useState<Sort>({ by: "cost_usd", descending: true });
  return (
    <section aria-labelledby="models-title" className="panel overflow-hidden">
      <h2 id="models-title" className="px-4 pt-4 pb-2 font-semibold tracking-tight sm:px-5">
        Models
      </h2>
      <ScrollArea label="Table of models" className="shaded-scroll">
        <table className="numeral w-full text-sm">
          <thead>
            <tr className="border-b border-line text-ink-3">
              {COLUMNS.map((column) => (
                <Heading
                  key={column}
                  column={column}
                  sort={sort}
                  onPress={() => setSort(pressed(sort, column))}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {rows ? (
              sorted(rows, sort).map((row) => (
                <ModelTableRow
                  key={modelName(row.model)}
                  row={row}
                  colors={colors}
                  onHighlight={onHighlight}
                />
              ))
            ) : (
              <SkeletonRows />
            )}
          </tbody>
        </table>
      </ScrollArea>
    </section>
  );
}

interface HeadingProps {
  column: Column;
  sort: Sort;
  onPress: () => void;
}

function Heading({ column, sort, onPress }: HeadingProps) {
  const current = sort.by === column;
  const text = column === "model" || column === "share";
  const arrow = (
    <span aria-hidden="true" className="inline-block w-3.5 text-center">
      {current ? (sort.descending ? "↓" : "↑") : ""}
    </span>
  );
  return (
    <th
      scope="col"
      aria-sort={current ? (sort.descending ? "descending" : "ascending") : "none"}
      className={`px-1.5 py-1 font-medium whitespace-nowrap first:pl-2.5 last:pr-2.5 sm:first:pl-3.5 sm:last:pr-3.5 ${text ? "text-left" : "text-right"} ${column === "share" ? "max-sm:hidden" : ""}`}
    >
      <button
        type="button"
        onClick={onPress}
        className={`rounded-md p-1.5 hover:text-ink ${current ? "text-ink" : ""}`}
      >
        {!text && arrow}
        {TITLES[column]}
        {text && arrow}
      </button>
    </th>
  );
}

function SkeletonRows() {
  return [0, 1, 2, 3].map((row) => (
    <tr key={row}>
      <td colSpan={COLUMNS.length} className="px-5 py-3">
        <Skeleton className="h-4 w-full" />
      </td>
    </tr>
  ));
}
