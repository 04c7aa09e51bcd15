"""`python -m tests.compare`: gatewayd and ThingsBoard Gateway under the same kill and outage.

A device outside the gateway's process numbers its readings and remembers which of them the
gateway's interface has taken; a client behind a real mosquitto counts what arrives: different
readings, duplicates, lost ones, and ones that came after a younger one. ThingsBoard Gateway is
installed from the package index into a venv of its own under .cache.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.bench.folders import disk_folder
from tests.bench.progress import step
from tests.bench.thingsboard import CACHE, install
from tests.compare.gateway import Gateway
from tests.compare.stand import Contestant
from tests.compare.tally import Result
from tests.compare.thingsboard import ThingsBoard
from tests.compare.trials import QUICK, TRIALS, Amount

COLUMNS = ("produced", "unique", "duplicate", "lost", "reordered")
PROBLEMS = (RuntimeError, OSError, LookupError)
"""What one trial may fail with: it is told in the table and the others go on."""

Results = dict[str, dict[str, Result | str]]


def main() -> int:
    """Run the trials and print the table.

    Returns:
        0, or 1 when a trial of gatewayd could not be run.
    """
    args = _arguments()
    amount = QUICK if args.quick else Amount()
    contestants: list[Contestant] = [Gateway()]
    if "thingsboard" not in args.without:
        with step("ThingsBoard Gateway, its own venv"):
            install()
        contestants += [ThingsBoard("file"), ThingsBoard("sqlite")]
    results: Results = {}
    for trial in args.only or TRIALS:
        results[trial] = {}
        for each in contestants:
            with step(f"{trial}, {each.name}"):
                results[trial][each.name] = _run(trial, each, amount)
    print(table(results))
    if args.json:
        args.json.write_text(json.dumps(_as_json(results), indent=1))
    is_whole = all(isinstance(found[Gateway.name], Result) for found in results.values())
    return 0 if is_whole else 1


def _run(trial: str, contestant: Contestant, amount: Amount) -> Result | str:
    try:
        with disk_folder(CACHE) as folder, contestant.stand(folder) as stand:
            return TRIALS[trial](stand, amount)
    except PROBLEMS as error:
        return str(error)


def table(results: Results) -> str:
    """Return one line a trial and gateway."""
    lines = [f"{'trial':16}{'gateway':28}" + "".join(f"{name:>11}" for name in COLUMNS)]
    for trial, found in results.items():
        for name, result in found.items():
            start = f"{trial:16}{name:28}"
            if isinstance(result, str):
                lines.append(f"{start}failed: {result}")
            else:
                counts = result.as_json()
                lines.append(start + "".join(f"{counts[column]:>11,}" for column in COLUMNS))
    return "\n".join(lines)


def _as_json(results: Results) -> dict[str, dict[str, object]]:
    return {
        trial: {
            name: result if isinstance(result, str) else result.as_json()
            for name, result in found.items()
        }
        for trial, found in results.items()
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.compare", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer readings and kills")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="the counts, by trial and gateway"
    )
    parser.add_argument("--only", action="append", choices=list(TRIALS), help="may be repeated")
    parser.add_argument("--without", action="append", default=[], choices=["thingsboard"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
