import { type ReactNode, useId } from "react";

interface Option {
  value: string;
  label: string;
  content: ReactNode;
}

interface SegmentedProps {
  legend: string;
  options: Option[];
  value: string;
  onChange: (value: string) => void;
}

/** One of a few choices side by side: radio buttons, so the arrow keys work as everyone expects. */
export function Segmented({ legend, options, value, onChange }: SegmentedProps) {
  const name = useId();
  return (
    <fieldset className="flex min-w-0 rounded-xl border border-line bg-wash p-0.5">
      <legend className="sr-only">{legend}</legend>
      {options.map((option) => (
        <label key={option.value} title={option.label} className="relative">
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
            aria-label={option.label}
            className="peer absolute inset-0 size-full cursor-pointer appearance-none rounded-[10px]"
          />
          <span className="pointer-events-none relative flex h-8 min-w-8 items-center justify-center rounded-[10px] px-2.5 text-sm font-medium text-ink-2 transition-colors peer-checked:bg-chosen peer-checked:text-ink peer-checked:shadow-sm peer-hover:text-ink">
            {option.content}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
