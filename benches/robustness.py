"""A row of the table of robustness: of the samples of a sweep that are not refused (a condition number of 50 or more, or no
three phases) and not saturated, how many settled after both jumps."""
import csv
import sys

case, law, path = sys.argv[1:]
rows = [row for row in csv.DictReader(open(path)) if row["status"] == "converged"]
able = [row for row in rows if row["held.reachable"] == "1"]
settled = ["held.settled", "held.settled_angle", "held.settled_again"]
good = sum(all(row[name] == "1" for name in settled) for row in able)
share = f"{100 * good / len(able):.1f}" if able else "–"
print(f"| {case} | `{law}` | {len(able)} of {len(rows)} | {share} |", flush=True)
