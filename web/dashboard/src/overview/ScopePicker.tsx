import { Picker } from "../ui/Picker.tsx";
import { Segmented } from "../ui/Segmented.tsx";
import { LOCAL_ZONE, PERIODS, periodTitle, usePeriod, useZone } from "./scope.ts";

/** Chooses the period and the zone whose days count. What the address names is always among the choices. */
export function ScopePicker() {
  const [period, setPeriod] = usePeriod();
  const [tz, setZone] = useZone();
  const periods = [...new Set([...Object.keys(PERIODS), period])];
  const zones = [...new Set([tz, LOCAL_ZONE, "UTC"])];
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Segmented
        legend="Period"
        value={period}
        onChange={setPeriod}
        options={periods.map((value) => ({
          value,
          label: periodTitle(value),
          content: PERIODS[value] ?? value,
        }))}
      />
      <Picker
        label="Time zone whose days count"
        icon="globe"
        value={tz}
        onChange={setZone}
        options={zones.map((value) => ({ value, label: value }))}
      />
    </div>
  );
}
