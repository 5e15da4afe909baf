/** The analytics answers as JSON carries them. `null` is unknown and never zero. */

export interface Period {
  name: string;
  start: string;
  end: string;
  tz: string;
  previous_start: string;
  previous_end: string;
}

export interface Metrics {
  requests: number;
  cost_usd: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  total_tokens: number | null;
  cache_read_tokens: number | null;
  cache_write_tokens: number | null;
  reasoning_tokens: number | null;
  errors: number;
  aborted: number;
  estimated: number;
  unpriced: number;
  avg_cost_usd: number | null;
  avg_latency_ms: number | null;
  error_rate: number | null;
  cache_hit_rate: number | null;
}

export interface Project {
  id: number;
  name: string;
  is_demo: boolean;
  created_at: string;
}

export interface SummaryAnswer {
  period: Period;
  summary: Metrics;
  previous: Metrics;
}

export interface ByModelAnswer {
  period: Period;
  by: string[];
  rows: (Metrics & { model: string | null; share: number | null })[];
}

export type Interval = "15min" | "hour" | "day" | "week" | "month";

export interface TimeseriesAnswer {
  period: Period;
  interval: Interval;
  by: string[];
  rows: (Metrics & { bucket: string; model?: string | null })[];
}
