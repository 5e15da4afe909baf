import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { fakeSummary, fakeTimeseries } from "../dev/fakeAnalytics.ts";
import { App } from "../src/App.tsx";
import { restoreSession } from "../src/session/session.ts";
import { type Answers, KEY, NEW_KEY, period, problem, serve } from "./server.ts";

function open(answers: Answers = {}, signedIn = true) {
  const requests = serve(answers);
  history.replaceState(null, "", "/?tz=UTC");
  if (signedIn) localStorage.setItem("tokenbudget.session", "ses_1");
  void restoreSession();
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>,
  );
  return { requests, user: userEvent.setup() };
}

describe("the overview", () => {
  it("shows the key figures, the models and every digit on pointing", async () => {
    open();
    const figures = await screen.findByRole("region", { name: "Key figures" });
    const amount = within(figures).getAllByText(/^\$/)[0];
    expect(amount?.textContent).toBe("$183.48");
    expect(amount?.getAttribute("title")).toMatch(/^\$183\.4\d{6,}$/);
    const table = await screen.findByRole("region", { name: "Table of models" });
    expect(await within(table).findByRole("rowheader", { name: /claude-sonnet-4-5/ })).toBeTruthy();
    expect(await screen.findByText("churn-model")).toBeTruthy();
  });

  it("explains what has no price", async () => {
    const { user } = open();
    const chip = await screen.findByRole("button", { name: "12 unpriced" });
    expect(screen.queryByText(/true spend is higher/)).toBeNull();
    await user.click(chip);
    expect(screen.getByText(/true spend is higher/)).toBeTruthy();
    expect(chip.getAttribute("aria-expanded")).toBe("true");
  });

  it("does not call an unknown cost zero", async () => {
    const unknown = (url: URL) => {
      const answer = fakeSummary(period(url));
      return { ...answer, summary: { ...answer.summary, cost_usd: null } };
    };
    open({ "/api/analytics/summary": unknown });
    const figures = await screen.findByRole("region", { name: "Key figures" });
    expect(within(figures).getByTitle(/^No price/).textContent).toBe("unknown");
  });

  it("keeps the period in the address and asks for it", async () => {
    const { requests, user } = open();
    await user.click(await screen.findByRole("radio", { name: "Last 7 days" }));
    expect(location.search).toBe("?tz=UTC&period=7d");
    const last = requests.at(-1)?.url ?? "";
    expect(new URL(last).searchParams.get("period")).toBe("7d");
  });

  it("reads the chart out by keyboard", async () => {
    const { user } = open();
    const chart = await screen.findByRole("group", { name: /Spend over time by model/ });
    chart.focus();
    await user.keyboard("{End}");
    expect(within(chart).getByText(/^Mon 23 Nov 2026, so far: \$.*claude-sonnet-4-5 \$/)).toBeTruthy();
    await user.keyboard("{ArrowLeft}");
    expect(within(chart).getByText(/^Sun 22 Nov 2026: \$/)).toBeTruthy();
  });

  it("reads the cost of a model without a price as unknown, also when it is shown alone", async () => {
    const unpriced = (url: URL) => {
      const answer = fakeTimeseries(period(url), url.searchParams.has("by") ? 6 : null);
      const rows = answer.rows.map((row) => (row.model === "gpt-4o" ? { ...row, cost_usd: null } : row));
      return { ...answer, rows };
    };
    const { user } = open({ "/api/analytics/timeseries": unpriced });
    await user.click(await screen.findByRole("button", { name: "gpt-4o" }));
    const chart = screen.getByRole("group", { name: /Spend over time by model/ });
    chart.focus();
    await user.keyboard("{End}");
    expect(within(chart).getByText("Mon 23 Nov 2026, so far: unknown, gpt-4o unknown")).toBeTruthy();
  });

  it("says in words what a dash stands for", async () => {
    const unmeasured = (url: URL) => {
      const answer = fakeSummary(period(url));
      return { ...answer, summary: { ...answer.summary, cache_hit_rate: null } };
    };
    open({ "/api/analytics/summary": unmeasured });
    const figures = await screen.findByRole("region", { name: "Key figures" });
    expect(within(figures).getByTitle("no value").textContent).toBe("–no value");
  });

  it("offers the chart as a table", async () => {
    const { user } = open();
    await screen.findByRole("group", { name: /Spend over time by model/ });
    await user.click(screen.getByRole("radio", { name: "Table" }));
    const table = screen.getByRole("region", { name: "Spend over time as a table" });
    expect(within(table).getAllByRole("row")).toHaveLength(31);
  });

  it("sorts the models by the heading pressed", async () => {
    const { user } = open();
    const heading = await screen.findByRole("columnheader", { name: /Requests/ });
    await user.click(within(heading).getByRole("button"));
    expect(heading.getAttribute("aria-sort")).toBe("descending");
    expect(screen.getAllByRole("rowheader")[0]?.textContent).toMatch(/^gpt-4o-mini/);
  });

  it("shows the way in while there is nothing to show", async () => {
    open({ "/api/analytics/summary": (url) => fakeSummary(period(url), true) });
    expect(await screen.findByText(/tb\.configure\(url="http/)).toBeTruthy();
  });

  it("says what the server said and tries again", async () => {
    let down = true;
    const answer = (url: URL) =>
      down ? problem(503, "Service unavailable", "No database.") : fakeSummary(period(url));
    const { user } = open({ "/api/analytics/summary": answer });
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toMatch(/Service unavailable.*No database/);
    down = false;
    await user.click(within(alert).getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("region", { name: "Key figures" })).toBeTruthy();
  });

  it("leads out of an address that the server cannot answer", async () => {
    open({ "/api/analytics/summary": () => problem(400, "Bad Request", "unknown period 'nope'") });
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toMatch(/unknown period 'nope'/);
    expect(within(alert).getByRole("link").getAttribute("href")).toBe("/");
  });
});

describe("the first steps", () => {
  it("make a key that sends events and does nothing else, unless more is chosen", async () => {
    const { requests, user } = open({ "/api/analytics/summary": (url) => fakeSummary(period(url), true) });
    await user.click(await screen.findByRole("button", { name: "Create a key" }));
    await user.type(screen.getByLabelText("Name"), "batch job");
    await user.click(screen.getByRole("button", { name: "Create" }));
    expect(await screen.findByText(new RegExp(NEW_KEY))).toBeTruthy();
    const made = requests.find(({ method }) => method === "POST");
    expect(await made?.json()).toEqual({ name: "batch job", scopes: ["ingest"] });
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain(NEW_KEY);
  });
});

describe("signing in", () => {
  it("lets a known key in", async () => {
    const { user } = open({}, false);
    await user.type(screen.getByLabelText("API key"), KEY);
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByRole("region", { name: "Key figures" })).toBeTruthy();
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain(KEY);
  });

  it("lets somebody in by email and password", async () => {
    const { requests, user } = open({}, false);
    await user.click(screen.getByRole("button", { name: "Use email and password instead" }));
    await user.type(screen.getByLabelText("Email"), "ada@example.org");
    await user.type(screen.getByLabelText("Password"), "correct horse battery");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByRole("region", { name: "Key figures" })).toBeTruthy();
    expect(await requests.find(({ method }) => method === "POST")?.json()).toEqual({
      email: "ada@example.org",
      password: "correct horse battery",
    });
  });

  it.each([
    ["tb_ak_short", /32 of the characters/],
    [KEY, /does not know this key/],
  ])("refuses %s and says why", async (key, why) => {
    const { user } = open({ "/api/sessions": () => problem(401, "Unauthorized", "") }, false);
    await user.type(screen.getByLabelText("API key"), key);
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect((await screen.findByText(why)).getAttribute("role")).toBe("alert");
    expect(localStorage.length).toBe(0);
  });

  it("returns here when the session ends meanwhile", async () => {
    open({ "/api/analytics/summary": () => problem(401, "Unauthorized", "") });
    expect(await screen.findByText(/session is over/)).toBeTruthy();
  });
});
