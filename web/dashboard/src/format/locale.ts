/**
 * The viewer's language decides on separators of numbers and on dates. Signs, units and words are the same for everyone:
 * docs/reference/formats.md.
 */

let locale = new Intl.NumberFormat().resolvedOptions().locale;
const numberFormats = new Map<string, Intl.NumberFormat>();
const dateFormats = new Map<string, Intl.DateTimeFormat>();

/** Writes for another viewer. */
export function setLocale(tag: string): void {
  locale = tag;
  numberFormats.clear();
  dateFormats.clear();
}

/** Whether dates are written as the table of formats has them, however English is written where the viewer lives. */
export const isEnglish = () => /^en\b/i.test(locale);

/** Building a formatter is slow, so each is built once. */
export function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return kept(numberFormats, JSON.stringify(options), () => new Intl.NumberFormat(locale, options));
}

/** Dates and times of day of a zone. */
export function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const language = isEnglish() ? "en-US" : locale;
  return kept(dateFormats, JSON.stringify(options), () => new Intl.DateTimeFormat(language, options));
}

function kept<Format>(formats: Map<string, Format>, key: string, build: () => Format): Format {
  const format = formats.get(key) ?? build();
  formats.set(key, format);
  return format;
}
