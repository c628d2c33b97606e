"""Runs retrieval-eval and tantivy_py.py in turns over one joined corpus, and prints medians and ratios.

python compare.py RETRIEVAL_EVAL DATA ROUNDS; see run.sh.

Equal work: one process each, one indexing thread with 64 MB, index in memory; reading the files is not counted, the
commit is. Title and text are searchable with English stemming and come back with each of the ten hits; questions go one
by one through one thread. Ours does more with the same: it cuts long texts into passages, keeps every other field as
facets, the whole document, its hash and byte ranges, and drops function words from questions (tantivy-py does not).
The corpus joins the English collections of DATA with XQuAD-R's German, Spanish, Turkish and Vietnamese, which serve as
bulk and are treated as English by both sides (texts without spaces between words would not be equal work: tantivy takes
a whole run as one word); the questions are those of the English ones.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

program, data, rounds = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
peer = [sys.executable, str(pathlib.Path(__file__).with_name("tantivy_py.py"))]
BULK = ["xquad-r/de", "xquad-r/es", "xquad-r/tr", "xquad-r/vi"]
ENGLISH = ["cranfield", "cacm", "openstax-anatomy-physiology", "free-exercise-db", "xquad-r/en"]


def lines(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def join(folder):
    """One collection out of all, ids made unique by the collection's name."""
    corpus, queries, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for name in ENGLISH + BULK:
        path = data / name / "corpus.jsonl"
        for row in map(json.loads, lines(path)):
            corpus.append(json.dumps({**row, "_id": f"{name}/{row['_id']}"}))
        if name not in ENGLISH:
            continue
        for row in map(json.loads, lines(path.with_name("queries.jsonl"))):
            queries.append(json.dumps({"_id": f"{name}/{row['_id']}", "text": row["text"]}))
        for row in lines(path.with_name("qrels.tsv"))[1:]:
            query, document, gain = row.split("\t")
            qrels.append(f"{name}/{query}\t{name}/{document}\t{gain}")
    for name, rows in [("corpus.jsonl", corpus), ("queries.jsonl", queries), ("qrels.tsv", qrels)]:
        (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


def measure(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    join(folder)
    runs = {"ours": [], "tantivy-py": []}
    for round_idx in range(rounds):
        sides = [("ours", [program, str(folder), "--lang", "en", "--json"]), ("tantivy-py", [*peer, str(folder)])]
        for name, command in sides if round_idx % 2 == 0 else sides[::-1]:
            runs[name].append(measure(command))
            print(f"round {round_idx + 1}/{rounds}: {name}", file=sys.stderr)
first = runs["ours"][0]
print(f"{first['num_docs']} documents, {first['num_queries']} questions, {rounds} rounds in turns, medians (smallest - largest)\n")
print("| what | ours | tantivy-py | ours / tantivy-py |\n| --- | --- | --- | --- |")
for what, key in [("documents indexed a second", "docs_per_s"), ("CPU seconds of indexing", "index_cpu_s"),
                  ("top-10 questions a second", "queries_per_s"), ("CPU seconds of all questions", "query_cpu_s"),
                  ("median of a question, ms", "p50_ms"), ("p99 of a question, ms", "p99_ms")]:
    cells, medians = [], []
    for name in ["ours", "tantivy-py"]:
        values = [run[key] for run in runs[name]]
        medians.append(statistics.median(values))
        cells.append(f"{medians[-1]:,.4g} ({min(values):,.4g} - {max(values):,.4g})")
    print(f"| {what} | {cells[0]} | {cells[1]} | {medians[0] / medians[1]:.2f} |")
