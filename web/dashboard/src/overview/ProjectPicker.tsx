import { useProjects } from "../api/projects.ts";
import { Picker } from "../ui/Picker.tsx";
import { useProject } from "./scope.ts";

/** The name of the project, or a choice where there are several. */
export function ProjectPicker() {
  const { data = [] } = useProjects();
  const [project, setProject] = useProject();
  const [first] = data;
  if (!first) return null;
  if (data.length === 1 && !project)
    return <span className="truncate font-medium text-ink-2">{first.name}</span>;
  const named = data.map(({ name, is_demo }) => ({
    value: name,
    label: is_demo ? `${name} (made-up)` : name,
  }));
  return (
    <Picker
      label="Project"
      value={project}
      onChange={setProject}
      options={[{ value: "", label: "All projects" }, ...named]}
    />
  );
}
