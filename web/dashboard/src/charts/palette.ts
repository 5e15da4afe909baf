/** Which series has which colour. The colours themselves are defined once, in theme.css. */

/** What is summed up because it is small, and what has no model. */
export const OTHER = "other";
export const UNNAMED = "unknown";
export const SLOTS = 6;

const FIXED: Record<string, string> = { [OTHER]: "var(--series-other)", [UNNAMED]: "var(--series-none)" };
const slotColors = Array.from({ length: SLOTS }, (_, slot) => `var(--series-${slot + 1})`);

/**
 * Gives every named model a colour and lets those already shown keep theirs, so that a model does not change colour
 * when it overtakes another.
 */
export function assignColors(models: string[], before: ReadonlyMap<string, string>): Map<string, string> {
  const named = models.filter((model) => !(model in FIXED)).slice(0, SLOTS);
  const colors = new Map<string, string>();
  for (const model of named) {
    const kept = before.get(model);
    if (kept) colors.set(model, kept);
  }
  const taken = new Set(colors.values());
  const free = slotColors.filter((color) => !taken.has(color));
  for (const model of named) if (!colors.has(model)) colors.set(model, free.shift() ?? "");
  return colors;
}

/** The colour of a model; those without one of their own share that of "other". */
export const colorOf = (colors: ReadonlyMap<string, string>, model: string) =>
  colors.get(model) ?? FIXED[model] ?? "var(--series-other)";
