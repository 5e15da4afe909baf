import { expect, it } from "vitest";
import { projects } from "../../src/api/projects.ts";
import { project, serve } from "../server.ts";

it("reads every page", async () => {
  const requests = serve({
    "/api/projects": (url) =>
      url.searchParams.get("cursor") === "more"
        ? { rows: [project(2, "b")], next: null }
        : { rows: [project(1, "a")], next: "more" },
  });
  expect((await projects()).map(({ name }) => name)).toEqual(["a", "b"]);
  expect(requests).toHaveLength(2);
});
