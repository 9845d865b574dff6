"""The findings in a manifest, counted by kind, with a few examples."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asr.corpus.doctor.findings import REMEDIES, Finding, Kind, Severity
from asr.corpus.doctor.repair import Repairs

MAX_EXAMPLES = 10  # of each kind that a report keeps


@dataclass(slots=True)
class Report:
    """The findings in a manifest. `seconds` of sound; `rare` are characters out of place, with the number of
    texts that have them."""

    manifest: Path
    num_lines: int = 0
    seconds: float = 0.0
    counts: Counter[Kind] = field(default_factory=Counter)
    examples: dict[Kind, list[Finding]] = field(default_factory=dict)
    rare: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    repairs: Repairs | None = None

    @property
    def num_errors(self) -> int:
        return sum(count for kind, count in self.counts.items() if REMEDIES[kind].severity is Severity.ERROR)

    @property
    def num_warnings(self) -> int:
        return self.counts.total() - self.num_errors

    def kinds(self) -> list[Kind]:
        """The kinds that were found, errors first."""
        return [kind for kind in Kind if self.counts[kind]]

    def add(self, finding: Finding) -> None:
        """Count a finding; the first ones of its kind are kept as examples."""
        self.counts[finding.kind] += 1
        examples = self.examples.setdefault(finding.kind, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(finding)

    def share(self, kind: Kind) -> float:
        """Findings of a kind, as a share of the lines."""
        return self.counts[kind] / self.num_lines

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and strings."""
        return {
            "manifest": str(self.manifest),
            "lines": self.num_lines,
            "hours": round(self.seconds / 3600, 4),
            "errors": self.num_errors,
            "warnings": self.num_warnings,
            "kinds": [
                {
                    "kind": kind.value,
                    "severity": REMEDIES[kind].severity.value,
                    "count": self.counts[kind],
                    "share": round(self.share(kind), 6),
                    "fix": REMEDIES[kind].advice,
                    "examples": [finding.to_json() for finding in self.examples[kind]],
                }
                for kind in self.kinds()
            ],
            "rare_characters": [
                {"character": character, "code_point": f"U+{ord(character):04X}", "count": count}
                for character, count in self.rare.items()
            ],
            "notes": self.notes,
            "repairs": None if self.repairs is None else self.repairs.to_json(),
        }
