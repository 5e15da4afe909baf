import { useQuery } from "@tanstack/react-query";
import { get } from "./http.ts";
import type { Project, ProjectPage } from "./types.ts";

/** The projects the caller may see, of all pages. */
export async function projects(signal?: AbortSignal): Promise<Project[]> {
  const rows: Project[] = [];
  for (let cursor: string | undefined, done = false; !done; ) {
    const page = await get<ProjectPage>("/api/projects", { cursor }, signal);
    rows.push(...page.rows);
    cursor = page.next ?? undefined;
    done = cursor === undefined;
  }
  return rows;
}

export const useProjects = () =>
  useQuery({ queryKey: ["projects"], queryFn: ({ signal }) => projects(signal), staleTime: 60_000 });
