import { Icon, type IconName } from "./Icon.tsx";

interface PickerProps {
  label: string;
  icon?: IconName;
  options: { value: string; label: string }[];
  value: string;
  onChange: (value: string) => void;
}

/** One of several choices, folded away: the browser's own select in our clothes. */
export function Picker({ label, icon, options, value, onChange }: PickerProps) {
  return (
    <label className="relative flex min-w-0 items-center text-ink-2 hover:text-ink" title={label}>
      <span className="sr-only">{label}</span>
      {icon && <Icon name={icon} className="pointer-events-none absolute left-3 size-4" />}
      <select
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className={`h-9.5 min-w-0 appearance-none truncate rounded-xl border border-line bg-wash pr-8 text-sm font-medium ${icon ? "pl-9" : "pl-3"}`}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <Icon name="chevron" className="pointer-events-none absolute right-2 size-4" />
    </label>
  );
}
