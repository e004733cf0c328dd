"""Reads a Delta table at every version with delta-rs, and at many with two other readers; none of them shares code with
orilla. Prints what they see: {"reader": {version: [row count, SHA-256 of the sorted event ids]}}."""

import glob
import hashlib
import json
import os
import sys

import deltalake
import duckdb
import duckdb_extension_delta
import polars


def summary(ids):
    ids = sorted(ids)
    return [len(ids), hashlib.sha256("\n".join(ids).encode()).hexdigest()]


def delta_rs(root, version):
    table = deltalake.DeltaTable(root, version=version).to_pyarrow_table(columns=["event_id"])
    return table.column("event_id").to_pylist()


def polars_scan(root, version):
    return polars.scan_delta(root, version=version).select("event_id").collect()["event_id"].to_list()


def duckdb_scan(connection, root, version):
    query = "SELECT event_id FROM delta_scan(?, version => %d)" % version
    return [row[0] for row in connection.execute(query, [root]).fetchall()]


def main(root):
    folder = os.path.dirname(duckdb_extension_delta.__file__)
    (extension,) = glob.glob(folder + "/extensions/*/delta.duckdb_extension")
    connection = duckdb.connect()
    # DuckDB checks its own signature of the extension.
    connection.execute("LOAD '%s'" % extension)
    last = deltalake.DeltaTable(root).version()
    readers = {
        "delta-rs": lambda version: delta_rs(root, version),
        "Polars": lambda version: polars_scan(root, version),
        "DuckDB": lambda version: duckdb_scan(connection, root, version),
    }
    # A version has the files of all before it, so reading each of them takes time squared.
    every = set(range(last + 1))
    some = {version for version in every if version % 10 == 0 or version < 20 or version % 100 < 3 or version == last}
    seen = {
        name: {version: summary(read(version)) for version in (every if name == "delta-rs" else some)}
        for name, read in readers.items()
    }
    print(json.dumps(seen))


main(sys.argv[1])
