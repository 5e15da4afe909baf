import { bucketLabel } from "../format/time.ts";
import { ScrollArea } from "../ui/ScrollArea.tsx";
import { Usd } from "../ui/Usd.tsx";
import type { Bucket, Stack } from "./series.ts";

interface StackTableProps {
  stack: Stack;
  totalOf: (bucket: Bucket) => string | null;
}

/** The chart's numbers as a table, the latest first. */
export function StackTable({ stack, totalOf }: StackTableProps) {
  const usdOf = (bucket: Bucket, model: string) => bucket.segments.find((one) => one.model === model)?.usd;
  return (
    <ScrollArea label="Spend over time as a table" className="max-h-80 overflow-auto rounded-lg">
      <table className="numeral w-full border-separate border-spacing-0 text-sm">
        <thead className="text-left text-ink-3">
          <tr>
            {["Time", "Total", ...stack.models].map((name, index) => (
              <th
                key={name}
                scope="col"
                className={`sticky top-0 border-b border-line bg-card px-3 py-2 font-medium whitespace-nowrap ${index ? "text-right" : "left-0 z-10"}`}
              >
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {stack.buckets.toReversed().map((bucket) => (
            <tr key={bucket.start} className="hover:bg-wash">
              <th
                scope="row"
                className="sticky left-0 bg-card px-3 py-1.5 text-left font-normal whitespace-nowrap"
              >
                {bucketLabel(bucket.start, stack.interval, stack.tz)}
              </th>
              <td className="px-3 text-right font-medium">
                <Usd amount={totalOf(bucket)} />
              </td>
              {stack.models.map((model) => (
                <td key={model} className="px-3 text-right text-ink-2">
                  <Cell amount={usdOf(bucket, model)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

function Cell({ amount }: { amount: string | null | undefined }) {
  return amount === undefined ? <span className="text-ink-3">·</span> : <Usd amount={amount} />;
}
