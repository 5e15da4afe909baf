import { useRef, useState } from "react";
import { useByModel } from "../api/byModel.ts";
import { useSummary } from "../api/summary.ts";
import { useTimeseries } from "../api/timeseries.ts";
import { assignColors, SLOTS } from "../charts/palette.ts";
import { stack } from "../charts/series.ts";
import { Failure } from "../ui/Failure.tsx";
import { FirstSteps } from "./FirstSteps.tsx";
import { Header } from "./Header.tsx";
import { Kpis } from "./Kpis.tsx";
import { ModelTable } from "./ModelTable.tsx";
import { PeriodHeading } from "./PeriodHeading.tsx";
import { ScopePicker } from "./ScopePicker.tsx";
import { SpendCard } from "./SpendCard.tsx";
import { StaleNotice } from "./StaleNotice.tsx";
import { useScope } from "./scope.ts";

const MODELS_LISTED = 20;

/** The first page: what was spent, on what, and when. */
export function Overview() {
  const scope = useScope();
  const summary = useSummary(scope);
  const totals = useTimeseries(scope, {});
  const byModel = useTimeseries(scope, { by: "model", limit: SLOTS });
  const models = useByModel(scope, MODELS_LISTED);
  const [highlighted, setHighlighted] = useState<string | null>(null);
  const stacked = byModel.data && stack(byModel.data, byModel.dataUpdatedAt);
  const colors = useStableColors(stacked?.models ?? []);

  const queries = [summary, totals, byModel, models];
  const failed = queries.find((query) => query.isError);
  const blank = failed && (failed.data === undefined || failed.isPlaceholderData);
  const changing = queries.some((query) => query.isPlaceholderData);
  const retry = () => queries.forEach((query) => void query.refetch());

  const body =
    summary.data?.summary.requests === 0 ? (
      <FirstSteps period={scope.period} />
    ) : (
      <>
        <Kpis answer={summary.data} series={totals.data} />
        <SpendCard
          key={byModel.data?.period.name ?? ""}
          stack={stacked}
          totals={totals.data}
          colors={colors}
          highlighted={highlighted}
          onHighlight={setHighlighted}
        />
        <ModelTable rows={models.data?.rows} colors={colors} onHighlight={setHighlighted} />
      </>
    );

  return (
    <>
      <Header />
      <main className="mx-auto max-w-7xl space-y-5 px-4 pt-6 pb-16 sm:px-6">
        <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-4">
          <PeriodHeading
            name={scope.period}
            period={changing ? undefined : summary.data?.period}
            failed={failed !== undefined}
          />
          <ScopePicker />
        </div>
        {blank ? (
          <Failure error={failed.error} retry={retry} />
        ) : (
          <>
            {failed && (
              <StaleNotice error={failed.error} since={failed.dataUpdatedAt} tz={scope.tz} retry={retry} />
            )}
            <div
              aria-busy={changing}
              className={`space-y-5 transition-opacity duration-300 ${changing ? "opacity-55" : ""}`}
            >
              {body}
            </div>
          </>
        )}
      </main>
    </>
  );
}

/** The result depends on earlier models only, so that rendering twice changes nothing. */
function useStableColors(models: string[]): ReadonlyMap<string, string> {
  const colors = useRef<ReadonlyMap<string, string>>(new Map());
  colors.current = assignColors(models, colors.current);
  return colors.current;
}
