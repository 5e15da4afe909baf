"""Import contracts that import-linter does not bring along."""

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class ThirdPartyAllowlist(Contract):
    """Allow a package the standard library, its own code and the named third-party packages, nothing else.

    A `forbidden` contract would have to name every package that exists; this one names those that are allowed.
    """

    source = fields.StringField()
    allowed = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 - import-linter's signature
        """Find every direct import of an external package that is not on the list."""
        del verbose
        source = cast("str", self.source)  # import-linter replaces the fields by what they are set to.
        modules = {source, *graph.find_descendants(source)}
        permitted = sys.stdlib_module_names | cast("set[str]", self.allowed)
        violations = sorted(
            (module, imported)
            for module in modules
            for imported in graph.find_modules_directly_imported_by(module)
            if graph.is_module_squashed(imported) and imported.partition(".")[0] not in permitted
        )
        return ContractCheck(kept=not violations, metadata={"violations": violations})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line per import that is not allowed."""
        allowed = ", ".join(sorted(cast("set[str]", self.allowed)))
        for module, imported in check.metadata["violations"]:
            output.print_error(f"{module} imports {imported}; allowed are {allowed}")
