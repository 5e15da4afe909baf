import { useQuery } from "@tanstack/react-query";
import { get } from "./http.ts";
import type { Project } from "./types.ts";

/** The projects the key may see. */
export const projects = (signal?: AbortSignal) => get<Project[]>("/api/projects", {}, signal);

export const useProjects = () =>
  useQuery({ queryKey: ["projects"], queryFn: ({ signal }) => projects(signal), staleTime: 60_000 });
