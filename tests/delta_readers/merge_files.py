"""Lets delta-rs merge a table's small files, as a foreign program would; prints how many it removed."""

import json
import sys

import deltalake

table = deltalake.DeltaTable(sys.argv[1])
print(json.dumps(table.optimize.compact()["numFilesRemoved"]))
