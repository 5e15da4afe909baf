import type { Period } from "../api/types.ts";
import { spanLabel } from "../format/time.ts";
import { Skeleton } from "../ui/Skeleton.tsx";
import { periodTitle } from "./scope.ts";

interface PeriodHeadingProps {
  name: string;
  period: Period | undefined;
  failed: boolean;
}

/** What the page is about, and whether it is up to date. */
export function PeriodHeading({ name, period, failed }: PeriodHeadingProps) {
  return (
    <div>
      <h1 className="text-2xl font-semibold tracking-tight">{periodTitle(name)}</h1>
      <p className="mt-0.5 flex h-5 items-center gap-3 text-sm text-ink-3">
        {period ? spanLabel(period) : !failed && <Skeleton className="h-3.5 w-40" />}
        {period && !failed && (
          <span className="flex items-center gap-1.5" title="Refreshed every ten seconds">
            <span className="size-1.5 animate-[shimmer_2.4s_ease-in-out_infinite] rounded-full bg-good" />
            live
          </span>
        )}
      </p>
    </div>
  );
}
