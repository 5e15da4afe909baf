import { colorOf } from "./palette.ts";

interface LegendProps {
  models: string[];
  colors: ReadonlyMap<string, string>;
  /** The model shown alone, if one is. */
  alone: string | null;
  onAlone: (model: string | null) => void;
  onHighlight: (model: string | null) => void;
}

/** Names the colours. Pointing at a name picks it out; pressing it shows it alone, and again shows all. */
export function Legend({ models, colors, alone, onAlone, onHighlight }: LegendProps) {
  return (
    <ul className="-mx-1.5 flex flex-wrap gap-y-0.5" aria-label="Models">
      {models.map((model) => (
        <li key={model} className="min-w-0">
          <button
            type="button"
            aria-pressed={alone === model}
            title={alone === model ? "Show all models" : `Show ${model} alone`}
            onClick={() => onAlone(alone === model ? null : model)}
            onPointerEnter={() => onHighlight(model)}
            onPointerLeave={() => onHighlight(null)}
            className={`flex max-w-full items-center gap-1.5 rounded-md px-1.5 py-1 text-[13px] text-ink-2 hover:bg-wash hover:text-ink ${alone !== null && alone !== model ? "opacity-55" : ""}`}
          >
            <span
              className="size-2.5 shrink-0 rounded-[3px]"
              style={{ background: colorOf(colors, model) }}
            />
            <span className="truncate">{model}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
