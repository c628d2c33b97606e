"""Speed of tantivy-py on a judged collection, for comparison with retrieval-eval on the same machine; see run.sh.

python tantivy_py.py COLLECTION_DIR [threads]

As retrieval-eval: reading the files is not counted, the commit is; title and text are indexed with English stemming and
stored; a query gives the ten best with their stored text. Queries go through tantivy's own parser (lenient), one by
one. Prints one JSON object.
"""
import json
import pathlib
import sys
import time

import tantivy

folder = pathlib.Path(sys.argv[1])
threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
rows = [json.loads(line) for line in open(folder / "corpus.jsonl", encoding="utf-8")]
judged = {line.split("\t")[0] for line in open(folder / "qrels.tsv", encoding="utf-8").readlines()[1:]}
queries = [json.loads(line) for line in open(folder / "queries.jsonl", encoding="utf-8")]
queries = [query["text"] for query in queries if query["_id"] in judged]

builder = tantivy.SchemaBuilder()
builder.add_text_field("id", stored=True, tokenizer_name="raw")
builder.add_text_field("title", stored=True, tokenizer_name="en_stem")
builder.add_text_field("text", stored=True, tokenizer_name="en_stem")
index = tantivy.Index(builder.build())

started, cpu_started = time.perf_counter(), time.process_time()
writer = index.writer(64_000_000 if threads == 1 else 15_000_000 * threads, threads)
for row in rows:
    writer.add_document(tantivy.Document(id=[row["_id"]], title=[row["title"]], text=[row["text"]]))
writer.commit()
index.reload()
indexed_s, index_cpu_s = time.perf_counter() - started, time.process_time() - cpu_started

searcher = index.searcher()
times_ms = []
for round_idx in range(2):  # the first round warms up, as in retrieval-eval
    times_ms.clear()
    cpu_started = time.process_time()
    for text in queries:
        started = time.perf_counter()
        query, _ = index.parse_query_lenient(text, ["title", "text"])
        hits = [searcher.doc(address) for _, address in searcher.search(query, 10).hits]
        found = [(hit["id"][0], hit["title"], hit["text"]) for hit in hits]
        times_ms.append((time.perf_counter() - started) * 1e3)
query_cpu_s = time.process_time() - cpu_started
times_ms.sort()
print(json.dumps({
    "peer": "tantivy-py", "version": getattr(tantivy, "__version__", "?"), "collection": folder.name, "num_docs": len(rows),
    "docs_per_s": len(rows) / indexed_s, "queries_per_s": len(queries) * 1e3 / sum(times_ms),
    "index_cpu_s": index_cpu_s, "query_cpu_s": query_cpu_s,
    "p50_ms": times_ms[len(times_ms) // 2], "p99_ms": times_ms[int(len(times_ms) * 0.99)],
}))
